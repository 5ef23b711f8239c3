import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { createUpstream } from '../../../../gateway/upstream/client.ts';
import { readTailnetPorts } from '../../../../gateway/upstream/tailnet/ports.ts';
import { parseTarget } from '../../../../gateway/upstream/target.ts';
import type { Upstream } from '../../../../gateway/upstream/upstream.ts';
import { createTransport } from '../../../support/transport.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';
import { send } from '../fixtures/call.ts';
import { closedPort, startTarget } from '../fixtures/server.ts';

// A SOCKS5 server that others wrote: what this client and this repository's own server agree on may still be wrong.
const danted = '/usr/sbin/danted';
const skip = existsSync(danted) ? false : `dante-server is not installed (${danted})`;

/** Starts Dante on loopback; only loopback may be reached through it. */
async function startDante(t: TestContext): Promise<number> {
  const port = await closedPort(t);
  const folder = await mkdtemp(join(tmpdir(), 'postern-dante-'));
  const config = join(folder, 'danted.conf');
  await writeFile(
    config,
    [
      'logoutput: /dev/null',
      `internal: 127.0.0.1 port = ${port}`,
      'external: 127.0.0.1',
      'clientmethod: none',
      'socksmethod: none',
      'client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }',
      'socks block { from: 0.0.0.0/0 to: 127.0.0.0/8 port = 9 }',
      'socks pass { from: 127.0.0.0/8 to: 127.0.0.0/8 command: connect }',
      '',
    ].join('\n'),
  );
  const child = spawn(danted, ['-f', config, '-N', '1', '-p', join(folder, 'pid')], { stdio: 'ignore' });
  t.after(async () => {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    if (child.kill('SIGTERM')) await ended;
    await rm(folder, { recursive: true });
  });
  const end = performance.now() + 60_000;
  while (!(await listens(port))) {
    if (child.exitCode !== null) throw new Error(`Dante ended with ${child.exitCode}`);
    if (performance.now() > end) throw new Error('Dante does not listen');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return port;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/** The transport's guard is about configurations; here loopback is all that may be reached. */
function through(t: TestContext, port: number, url: string): Upstream {
  const clock = new VirtualClock(Date.now());
  const upstream = createUpstream({
    targets: [parseTarget(url)],
    transport: createTransport(`socks5://127.0.0.1:${port}`, {
      clock,
      tailnet: readTailnetPorts({}),
    }),
    timeoutMs: 10_000,
    clock,
  });
  t.after(() => upstream.close());
  return upstream;
}

test('requests go through Dante: small, large, by address and by name, over one connection', {
  skip,
}, async (t) => {
  const port = await startDante(t);
  const target = await startTarget(t, async (request, response) => {
    response.end(Buffer.concat(await request.toArray()));
  });
  for (const host of ['127.0.0.1', 'localhost']) {
    const upstream = through(t, port, `http://${host}:${target.port}`);
    for (const size of [0, 1, 1024, 4 * 1024 * 1024]) {
      const { bytes, failed } = await send(upstream, { method: 'POST', body: Buffer.alloc(size, 'x') });
      assert.equal(failed, undefined);
      assert.equal(bytes, size);
    }
  }
  assert.equal(target.connections(), 2);
});

test('Dante says why it makes no connection, and the codes are right', { skip }, async (t) => {
  const port = await startDante(t);
  const closed = await closedPort(t);
  const refused = await send(through(t, port, `http://127.0.0.1:${closed}`));
  assert.equal(refused.failed?.code, 'upstream:connection-refused');
  const denied = await send(through(t, port, 'http://127.0.0.1:9'));
  assert.equal(denied.failed?.code, 'upstream:target-denied');
  const unknown = await send(through(t, port, 'http://no-such-host.invalid'));
  assert.match(unknown.failed?.code ?? '', /^upstream:(target-offline|connect-failed)$/);
});
