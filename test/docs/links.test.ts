import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { page, section } from './pages.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const list = (args: readonly string[]) =>
  execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', ...args], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((file) => file !== '' && existsSync(join(root, file)));
const pages = list(['*.md']);
const manifest = JSON.parse(page('package.json')) as { readonly scripts: Readonly<Record<string, string>> };

/** As GitHub makes it of a heading. */
function anchorOf(heading: string): string {
  const text = heading.replace(/^#+ /, '').replace(/`|\[|\]\([^)]*\)/g, '');
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

function withoutCode(text: string): string {
  return text.replace(/^```.*?^```/gms, '').replace(/`[^`\n]*`/g, '');
}

test('every link of every page leads to a file that is there, and to a heading of it', () => {
  const broken: string[] = [];
  let followed = 0;
  for (const path of pages) {
    for (const [, target = ''] of withoutCode(page(path)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      followed += 1;
      const [file = '', anchor] = target.split('#', 2);
      const to = file === '' ? path : normalize(join(dirname(path), file));
      if (!existsSync(join(root, to))) broken.push(`${path}: ${target}`);
      else if (anchor !== undefined) {
        const anchors = (page(to).match(/^#+ .+$/gm) ?? []).map(anchorOf);
        if (!anchors.includes(anchor)) broken.push(`${path}: ${target}`);
      }
    }
  }
  assert.ok(followed > 80);
  assert.deepEqual(broken, []);
});

test('every file of the repository that a page names is there', () => {
  const files = new Set(list([]));
  const folders = [...files].flatMap((file) =>
    file.split('/').map((_, at, parts) => parts.slice(0, at).join('/')),
  );
  const known = new Set([...files, ...folders]);
  const tops = [...new Set(folders.map((folder) => folder.split('/')[0]))].filter(
    (top) => top !== '' && top !== '.ci',
  );
  const named = new RegExp(`\`((?:${tops.join('|')})/[\\w./-]*)\``, 'g');
  const missing = pages
    .filter((path) => path !== 'CHANGELOG.md')
    .flatMap((path) =>
      [...page(path).matchAll(named)].map(([, file = '']) => [path, file.replace(/\/$/, '')] as const),
    )
    .filter(([, file]) => !known.has(file.includes('NAME') ? dirname(file) : file))
    .map(([path, file]) => `${path}: ${file}`);
  assert.deepEqual(missing, []);
});

test('every npm script, stack and command of `postern` that a page shows is there', () => {
  const commands = new Set(['serve', 'check', 'explain', 'schema']);
  const stacks = new Set([...page('bin/app.ts').matchAll(/new \w+\(app, '(\w+)'/g)].map(([, name]) => name));
  const wrong: string[] = [];
  for (const path of pages) {
    const text = page(path);
    for (const [all, name = ''] of text.matchAll(/\bnpm run ([a-z]+)/g))
      if (!Object.hasOwn(manifest.scripts, name)) wrong.push(`${path}: ${all}`);
    for (const [all, name = ''] of text.matchAll(
      /\b(?:npx )?postern ([a-z]+)(?= +(?:FILE|postern\.yaml|--|>|\[))/g,
    ))
      if (!commands.has(name)) wrong.push(`${path}: ${all}`);
    for (const [all, name = ''] of text.matchAll(/\bnpx cdk (?:deploy|destroy|diff) (\w+)/g))
      if (!stacks.has(name)) wrong.push(`${path}: ${all}`);
  }
  assert.deepEqual(wrong, []);
});

test('CONTRIBUTING.md names every folder, and every script but those of npm itself', () => {
  const listed = [...section('CONTRIBUTING.md', '## Where things are').matchAll(/^ {4}([a-z]+)\/ /gm)].map(
    ([, name]) => name,
  );
  const folders = new Set(
    list([])
      .filter((file) => file.includes('/') && !file.startsWith('.'))
      .map((file) => file.split('/')[0]),
  );
  assert.deepEqual(listed.toSorted(), [...folders].toSorted());
  const scripts = [
    ...section('CONTRIBUTING.md', '# Contributing').matchAll(/^ {4}npm (?:run )?([a-z]+) /gm),
  ].map(([, name]) => name);
  assert.deepEqual(
    scripts.toSorted(),
    Object.keys(manifest.scripts)
      .filter((name) => name !== 'prepack')
      .toSorted(),
  );
});
