import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..', '..', '..');
const layer = join(root, 'extension', 'layer');
const build = join(layer, 'build.ts');

test('without Go the build says what to get, in one line, and ends with 1', (t) => {
  const empty = mkdtempSync(join(tmpdir(), 'postern-test-'));
  t.after(() => rmSync(empty, { recursive: true }));
  const result = spawnSync(process.execPath, [build, '--out', empty], {
    cwd: root,
    env: { PATH: empty, HOME: empty },
    encoding: 'utf8',
  });
  assert.equal(result.status, 1);
  assert.match(result.stderr, /^postern: Go is not installed.*https:\/\/go\.dev\/dl\/\n$/);
});

test('an architecture that Lambda does not have is refused', () => {
  const result = spawnSync(process.execPath, [build, '--arch', 'mips'], { cwd: root, encoding: 'utf8' });
  assert.equal(result.status, 1);
  assert.match(result.stderr, /--arch is mips; it may be arm64, x86_64 or all/);
});

test('what is left out of tailscaled is what the command in the file leaves out', (t) => {
  const lines = readFileSync(join(layer, 'tailscaled.tags'), 'utf8').split('\n');
  const command = lines.find((line) => line.startsWith('# go run'));
  const [program = '', ...args] = command?.slice(2).split(' ') ?? [];
  const made = spawnSync(program, args, {
    cwd: layer,
    encoding: 'utf8',
    env: { ...process.env, GOFLAGS: '-mod=readonly' },
  });
  if (made.error !== undefined) return t.skip('needs Go');
  assert.equal(made.status, 0, made.stderr);
  assert.deepEqual(
    lines.filter((line) => line !== '' && !line.startsWith('#')),
    made.stdout.trim().split(','),
  );
});
