import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { locateParts } from './lab/cache.ts';
import { call } from './lab/http.ts';
import { startHttpApi } from './lab/http-api.ts';
import { enterHub } from './lab/network.ts';
import { descendants, readMemory } from './lab/proc.ts';
import { until } from './lab/process.ts';
import { type Sandbox, startSandbox } from './lab/sandbox.ts';

const skip = (await enterHub()) ?? false;

describe('the laboratory', { skip }, () => {
  let sandbox: Sandbox;

  before(async () => {
    sandbox = await startSandbox({
      bundle: join(import.meta.dirname, 'lab', 'plain'),
      lambdaEmulator: locateParts().lambdaEmulator,
      functionName: 'plain',
      timeoutSeconds: 5,
    });
  });
  after(() => sandbox?.kill());

  async function invoke(event: unknown): Promise<Record<string, unknown>> {
    const { payload, functionError } = await sandbox.invoke(JSON.stringify(event));
    return { ...JSON.parse(payload), functionError };
  }

  test('lets nothing out: there is no route to anywhere else, in the hub and in a sandbox', async () => {
    const [error] = (await once(connect(80, '203.0.113.1'), 'error')) as [NodeJS.ErrnoException];
    assert.equal(error.code, 'ENETUNREACH');
    await assert.rejects(sandbox.runInside(['ip', 'route', 'get', '203.0.113.1']), /unreachable/);
  });

  test('runs a function as Lambda does: its name, its user, its time, and only /tmp to write to', async () => {
    const { name, user, leftMs, functionError } = await invoke({ write: '/tmp/x' });
    assert.deepEqual([name, functionError], ['plain', false]);
    assert.ok(user === 993 || user === 0, `the user is ${user}`);
    assert.ok(Number(leftMs) > 0 && Number(leftMs) <= 5_000, `${leftMs} ms are left`);
    assert.equal(
      (await invoke({ write: '/var/task/x' })).errorMessage,
      "EROFS: read-only file system, open '/var/task/x'",
    );
  });

  test('tells an exception and a crash from an answer, and goes on after both', async () => {
    const failed = await invoke({ fail: 'on purpose' });
    assert.deepEqual(
      [failed.functionError, failed.errorType, failed.errorMessage],
      [true, 'TypeError', 'on purpose'],
    );
    assert.equal((await invoke({ exit: 3 })).functionError, true);
    assert.equal((await invoke({})).functionError, false);
    const api = await startHttpApi({
      routes: [{ key: '$default', invoke: () => sandbox.invoke('{"fail":"x"}') }],
    });
    assert.equal((await call(api.url)).status, 500);
    await api.close();
  });

  test('freezes every process of a sandbox and its network, and lets both go on', async () => {
    const states = () =>
      sandbox.processes().map(({ pid }) => / ([A-Z]) /.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]);
    assert.ok(states().length > 0 && !states().includes('T'));
    const frozen = sandbox.freeze(3_000);
    // The emulator itself goes on, so that only the network keeps it from answering.
    const cut = () =>
      call(`http://${sandbox.address}:8080/`, { limitMs: 100 }).then(
        () => undefined,
        () => true,
      );
    await until('the network is cut', cut);
    assert.deepEqual(new Set(states()), new Set(['T']));
    await frozen;
    assert.ok(!states().includes('T'));
    assert.equal((await invoke({})).functionError, false);
  });

  test('leaves nothing behind when its first process is killed', async () => {
    const { POSTERN_LAB_HUB: _, ...env } = process.env;
    const child = spawn(process.execPath, [join(import.meta.dirname, 'lab', 'sleeper.ts')], { env });
    await once(child.stdout, 'data');
    const sleeper = descendants(child.pid ?? 0).find((pid) => readMemory(pid).argv[0] === 'sleep');
    assert.ok(sleeper !== undefined, 'the laboratory within did not start');
    child.kill('SIGKILL');
    await until('its processes are gone', () => readMemory(sleeper).argv.length === 0 || undefined);
  });
});
