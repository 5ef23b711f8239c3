import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Clock, systemClock } from '../../base/clock.ts';
import { Tailscaled } from '../../tunnel/tailscaled.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

function scratch(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'postern-test-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A daemon whose program is a shell script: what matters here is how a process is started, heard and ended. */
function daemon(t: TestContext, directory: string, script: string, clock: Clock = systemClock): Tailscaled {
  const binary = join(directory, 'program');
  writeFileSync(binary, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const tailscaled = new Tailscaled({
    binary,
    directory: join(directory, 'run'),
    socksPort: 1055,
    env: { PATH: process.env.PATH ?? '' },
    clock,
  });
  t.after(() => {
    tailscaled.destroy();
    return tailscaled.exit;
  });
  return tailscaled;
}

test('it runs in userspace, keeps nothing on disk and listens on the loopback alone', async (t) => {
  const directory = scratch(t);
  const tailscaled = daemon(t, directory, `echo "$@" >${directory}/arguments`);
  tailscaled.start();
  assert.equal(await tailscaled.exit, 'it ended with status 0');
  assert.deepEqual(readFileSync(join(directory, 'arguments'), 'utf8').trim().split(' '), [
    '--tun=userspace-networking',
    '--state=mem:',
    `--statedir=${directory}/run`,
    `--socket=${directory}/run/tailscaled.sock`,
    '--port=0',
    '--socks5-server=127.0.0.1:1055',
    '--no-logs-no-support',
  ]);
});

test('it does not start in a folder where others could put a socket of their own', (t) => {
  const directory = scratch(t);
  const tailscaled = daemon(t, directory, 'sleep 60');
  const run = join(directory, 'run');
  mkdirSync(run);
  for (const mode of [0o777, 0o1777, 0o702]) {
    chmodSync(run, mode);
    assert.throws(() => tailscaled.start(), /everyone may write to .*run and could take the auth key/);
  }
  chmodSync(run, 0o755);
  tailscaled.start();
  assert.equal(tailscaled.running, true);
  if (process.getuid?.() === 0) chownSync(run, 54_321, 54_321);
  t.mock.method(process as Required<typeof process>, 'geteuid', () => 12_345);
  assert.throws(
    () => tailscaled.start(),
    /run belongs to another user .* use a folder of this user \(12345\)/,
  );
});

test('its state is in a file if one is given, and it has a SOCKS5 server only if a port is given', async (t) => {
  const directory = scratch(t);
  const binary = join(directory, 'program');
  writeFileSync(binary, `#!/bin/sh\necho "$@" >${directory}/arguments\n`, { mode: 0o755 });
  const stateFile = join(directory, 'tailscaled.state');
  const tailscaled = new Tailscaled({ binary, directory, stateFile, env: {}, clock: systemClock });
  tailscaled.start();
  await tailscaled.exit;
  const argv = readFileSync(join(directory, 'arguments'), 'utf8').trim().split(' ');
  assert.ok(argv.includes(`--state=${stateFile}`), argv.join(' '));
  assert.ok(!argv.some((one) => one.includes('socks5')), argv.join(' '));
});

test("it gets the given environment and nothing of this process's own", async (t) => {
  const directory = scratch(t);
  const binary = join(directory, 'program');
  writeFileSync(binary, `#!/bin/sh\n/usr/bin/env >${directory}/environment\n`, { mode: 0o755 });
  const tailscaled = new Tailscaled({ binary, directory, env: { ONE: '1' }, clock: systemClock });
  tailscaled.start();
  await tailscaled.exit;
  const names = readFileSync(join(directory, 'environment'), 'utf8').match(/^[A-Za-z]+/gm) ?? [];
  // The shell's own beside it.
  assert.deepEqual(
    names.filter((name) => !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(name)),
    ['ONE'],
  );
});

test('its log is kept short, in number and in length', async (t) => {
  const tailscaled = daemon(
    t,
    scratch(t),
    'i=0; while [ $i -lt 200 ]; do echo "line $i $(printf %01000d 0)" >&2; i=$((i+1)); done',
  );
  tailscaled.start();
  await tailscaled.exit;
  assert.equal(tailscaled.lines.length, 40);
  assert.match(tailscaled.lines.at(-1) ?? '', /^line 199 /);
  assert.ok(tailscaled.lines.every((line) => line.length <= 400));
});

test('its log tells why the control server cannot be asked, and that it forgot the node', async (t) => {
  const lines = [
    '2026/01/02 03:04:05 Received error: fetch control key: x509: unknown authority',
    '2026/01/02 03:04:05 [RATELIMIT] format("Received error: %v")',
    '2026/01/02 03:04:05 control: lite map update error after 1ms: initial fetch failed 404: node not found',
  ];
  const tailscaled = daemon(
    t,
    scratch(t),
    `printf '%s\\n' ${lines.map((line) => `'${line}'`).join(' ')} >&2`,
  );
  const heard: string[] = [];
  tailscaled.onControlError = (reason) => heard.push(reason);
  tailscaled.onForgotten = () => heard.push('forgotten');
  tailscaled.start();
  await tailscaled.exit;
  assert.deepEqual(heard, ['fetch control key: x509: unknown authority', 'forgotten']);
  assert.equal(tailscaled.controlError, 'fetch control key: x509: unknown authority');
});

test('one that does not obey is ended by force when its time is over, and not before', async (t) => {
  const clock = new VirtualClock();
  const script = "trap '' TERM; echo ready >&2; while :; do sleep 0.05; done";
  const tailscaled = daemon(t, scratch(t), script, clock);
  tailscaled.start();
  while (tailscaled.lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const stopped = tailscaled.stop(100);
  await clock.advance(99);
  assert.equal(tailscaled.running, true);
  await clock.advance(1);
  await stopped;
  assert.equal(await tailscaled.exit, 'it ended with SIGKILL');
  assert.equal(tailscaled.running, false);
});

test('a program that is not there is an end, not an exception', async (t) => {
  const directory = scratch(t);
  mkdirSync(join(directory, 'run'));
  const ends: string[] = [];
  const tailscaled = new Tailscaled({
    binary: join(directory, 'missing'),
    directory: join(directory, 'run'),
    socksPort: 1055,
    env: {},
    clock: systemClock,
  });
  tailscaled.onExit = (how) => ends.push(how);
  tailscaled.start();
  assert.match(await tailscaled.exit, /could not be started: .*ENOENT/);
  assert.equal(ends.length, 1);
});
