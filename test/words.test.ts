import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const self = 'test/words.test.ts';

/** Words that make a reader translate, with what to write instead (CONTRIBUTING.md, "Words"). */
const avoided: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/\banew\b/i, 'again'],
  [/\b(?:whoever|whomever|whosoever)\b/i, 'name who it is: the caller, the next reader'],
  [/\b(?:thereof|therein|thereby|hereby|herein|hitherto|henceforth|whence|thence)\b/i, 'name the thing'],
  [/\bfor want of\b/i, 'without'],
  [/\bthat which\b/i, 'name the thing'],
  [/(?<!\bthere )\bis none\b(?!,)/i, 'has no, or is not'],
  [/(?<!\b[Tt]here )\bis no (?=["'`]|[A-Z])/, 'is not'],
  [/\bit must do that\b/i, 'must'],
];

const files = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts', '*.mjs', '*.md'],
  {
    cwd: root,
    encoding: 'utf8',
  },
)
  .split('\n')
  .filter((file) => file !== '' && file !== self && file !== 'CONTRIBUTING.md');

function findAvoided(file: string, text: string): readonly string[] {
  return text
    .split('\n')
    .flatMap((line, at) =>
      avoided
        .filter(([pattern]) => pattern.test(line))
        .map(([pattern, instead]) => `${file}:${at + 1}: ${pattern.exec(line)?.[0]}: write ${instead}`),
    );
}

test('comments, messages and pages avoid archaic words', () => {
  const found = files.flatMap((file) => findAvoided(file, readFileSync(join(root, file), 'utf8')));
  assert.deepEqual(found, []);
});

test('each avoided word is found', () => {
  const text = [
    'joins anew',
    'whoever reads next',
    'the name thereof',
    'for want of it',
    'that which was read',
    'its reply is none',
    '"x" is no "HOST:PORT"',
    'it must do that',
  ];
  assert.equal(findAvoided('FILE', text.join('\n')).length, avoided.length);
});
