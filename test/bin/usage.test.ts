import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../bin/postern.mjs', import.meta.url));

function postern(...args: string[]) {
  return spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', env: {} });
}

const mistakes: readonly (readonly [args: readonly string[], message: string])[] = [
  [['chek', 'postern.yaml'], 'there is no command "chek"; did you mean "check"?'],
  [['deploy'], 'there is no command "deploy"; see postern help'],
  [['serve', 'my.yaml'], 'serve takes its file by an option: postern serve --config my.yaml'],
  [['serve', '--lisen', '127.0.0.1:0'], "Unknown option '--lisen'; see postern help"],
  [['check', '-j', 'my.yaml'], "Unknown option '-j'; see postern help"],
  [['explain', 'my.yaml', '--source', 'builder'], '--source: "builder" is not an IP address'],
  [['schema', 'my.yaml'], "Unexpected argument 'my.yaml'; see postern help"],
];

for (const [args, message] of mistakes) {
  test(`a mistake on the command line is one sentence that says what to do: postern ${args.join(' ')}`, () => {
    const { status, stdout, stderr } = postern(...args);
    assert.deepEqual({ status, stdout, stderr }, { status: 2, stdout: '', stderr: `postern: ${message}\n` });
  });
}

test('every way to ask for help prints the commands, and --version the version', () => {
  const help = postern('help').stdout;
  assert.match(
    help,
    /^ {2}postern serve .*^ {2}postern check .*^ {2}postern explain .*^ {2}postern schema /ms,
  );
  for (const args of [[], ['--help'], ['-h'], ['check', '--help'], ['serve', '-h']])
    assert.deepEqual([postern(...args).stdout, postern(...args).status], [help, 0], args.join(' '));
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  assert.equal(postern('--version').stdout, `${version}\n`);
});
