import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { fileURLToPath } from 'node:url';

const folder = mkdtempSync(join(tmpdir(), 'postern-check-'));
after(() => rmSync(folder, { recursive: true }));
const program = fileURLToPath(new URL('../../bin/postern.ts', import.meta.url));

const configuration = (service = 'builds') => `services:
  builds: { targets: [{ url: http://127.0.0.1:9 }], transport: direct }
routes:
  hooks:
    match: { path: /hooks }
    service: ${service}
    plugins:
      webhook:
        provider: github
        secret: env:HOOK_SECRET
`;

function check(text: string, secret: string, ...options: readonly string[]) {
  const file = join(folder, 'postern.yaml');
  writeFileSync(file, text);
  return spawnSync(process.execPath, [program, 'check', 'postern.yaml', ...options], {
    cwd: folder,
    env: { HOOK_SECRET: secret },
    encoding: 'utf8',
  });
}

test('check prints a warning at its place and exits 0', () => {
  const { status, stdout, stderr } = check(configuration(), 'ten bytes!');
  assert.equal(status, 0, stderr);
  assert.match(
    stderr,
    /^warning: postern\.yaml:10:9 routes\.hooks\.plugins\.webhook\.secret: the secret env:HOOK_SECRET makes a key of 10 bytes/,
  );
  assert.equal(stdout, 'postern.yaml is in order, with 1 warning\n');
  assert.ok(!`${stdout}${stderr}`.includes('ten bytes!'));
});

test('check warns at its line of a plugin that reads larger bodies than the listener can hold', () => {
  const text = `${configuration()}server: { limits: { memory: 16MiB } }\n`;
  const { status, stderr } = check(text, 'a key of more than sixteen bytes');
  assert.equal(status, 0, stderr);
  assert.match(
    stderr,
    /^warning: postern\.yaml:8:7 routes\.hooks\.plugins\.webhook: it accepts bodies of up to 10485760 bytes, .* can hold only 4194304/,
  );
});

test('check prints errors and warnings together and exits 1', () => {
  const { status, stdout, stderr } = check(configuration('nowhere'), 'ten bytes!');
  assert.equal(status, 1);
  assert.match(stderr, /^postern\.yaml:6:5 routes\.hooks\.service: unknown service "nowhere"/);
  assert.match(stderr, /^warning: postern\.yaml:10:9 /m);
  assert.match(stderr, /^1 error$/m);
  assert.equal(stdout, '');
});

test('check --json gives each problem its severity, and all of it on standard output', () => {
  const { status, stdout, stderr } = check(configuration('nowhere'), 'ten bytes!', '--json');
  assert.equal(status, 1);
  assert.equal(stderr, '');
  const { file, problems } = JSON.parse(stdout);
  assert.equal(file, 'postern.yaml');
  assert.deepEqual(
    problems.map(({ severity, path, line, column }: Record<string, unknown>) => [
      severity,
      path,
      line,
      column,
    ]),
    [
      ['error', 'routes.hooks.service', 6, 5],
      ['warning', 'routes.hooks.plugins.webhook.secret', 10, 9],
    ],
  );
  const inOrder = check(configuration(), 'a key of more than sixteen bytes', '--json');
  assert.equal(inOrder.status, 0);
  assert.deepEqual(JSON.parse(inOrder.stdout), { file: 'postern.yaml', problems: [], notes: [] });
});
