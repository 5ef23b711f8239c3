import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import type { ServerOptions } from '../../gateway/index.ts';
import { createTailnetNode } from '../../server/tailnet.ts';
import { noLog } from '../support/gateway.ts';

// What is around tailscaled, with a shell script in its place; test/e2e runs the real one.

function scratch(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'postern-test-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Starts a node whose program is this script, and gives why it is not ready. */
async function notReady(t: TestContext, options: ServerOptions['tailnet'], env = {}): Promise<string> {
  const secrets = {
    async get(reference: string): Promise<Uint8Array> {
      throw new Error(`${reference}: the environment variable is not set`);
    },
  };
  const node = createTailnetNode(options ?? {}, { env, secrets, log: noLog, clock: systemClock });
  node.start();
  t.after(() => node.close(1_000));
  for (;;) {
    const readiness = await node.ready(10_000);
    if (!readiness.ready && readiness.code !== 'tunnel:joining')
      return `${readiness.code}: ${readiness.detail}`;
  }
}

function program(directory: string, script: string): string {
  const binary = join(directory, 'program');
  writeFileSync(binary, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return binary;
}

test('a program that is not installed is named as the reason', async (t) => {
  const stateDir = join(scratch(t), 'state');
  const why = await notReady(t, { key: 'env:KEY', binary: '/nonexistent/tailscaled', stateDir });
  assert.match(why, /^tunnel:daemon-failed: .*could not be started: spawn \/nonexistent\/tailscaled ENOENT/);
});

test('a folder that cannot be made is named as the reason', async (t) => {
  const file = join(scratch(t), 'file');
  writeFileSync(file, '');
  const why = await notReady(t, { key: 'env:KEY', stateDir: join(file, 'state') });
  assert.match(why, /^tunnel:daemon-failed: ENOTDIR.*file\/state/);
});

test('a key that cannot be read is named as the reason', async (t) => {
  const directory = scratch(t);
  const binary = program(directory, 'exec sleep 5');
  const why = await notReady(
    t,
    { key: 'env:KEY', binary, ephemeral: true },
    { PATH: process.env.PATH, TMPDIR: directory },
  );
  assert.equal(why, 'tunnel:secret-missing: env:KEY: the environment variable is not set');
});

test('tailscaled keeps its state in the folder, has no port, and gets no secret of the environment', async (t) => {
  const directory = scratch(t);
  const stateDir = join(directory, 'state');
  const binary = program(
    directory,
    `echo "$@" >${directory}/arguments; /usr/bin/env >${directory}/environment; exit 3`,
  );
  const env = { PATH: '/bin', HTTPS_PROXY: 'http://proxy:1', TS_AUTHKEY: 'k', AWS_SECRET_ACCESS_KEY: 's' };
  assert.match(await notReady(t, { key: 'env:KEY', binary, stateDir }, env), /ended with status 3/);
  const argv = readFileSync(join(directory, 'arguments'), 'utf8').trim().split(' ');
  assert.deepEqual(argv, [
    '--tun=userspace-networking',
    `--state=${stateDir}/tailscaled.state`,
    `--statedir=${stateDir}`,
    `--socket=${stateDir}/tailscaled.sock`,
    argv[4],
    '--no-logs-no-support',
  ]);
  assert.match(argv[4] ?? '', /^--port=4[12]\d{3}$/);
  const environment = readFileSync(join(directory, 'environment'), 'utf8');
  assert.match(environment, /^HTTPS_PROXY=http:\/\/proxy:1$/m);
  assert.doesNotMatch(environment, /TS_AUTHKEY|AWS_SECRET/);
});

test('a node that is made and never started has touched nothing', (t) => {
  const stateDir = join(scratch(t), 'state');
  const host = {
    env: {},
    secrets: { get: () => assert.fail('a key is read') },
    log: noLog,
    clock: systemClock,
  };
  createTailnetNode({ key: 'env:KEY', stateDir }, host);
  assert.ok(!existsSync(stateDir));
});
