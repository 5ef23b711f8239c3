import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { PrometheusMetrics } from '../../server/prometheus.ts';
import { type ServeOptions, type Serving, serve } from '../../server/serve.ts';
import { gatewayWith, noLog } from '../support/gateway.ts';
import { parseMetrics, sampleOf } from '../support/prometheus-text.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { HeldUpstream } from './fake-upstream.ts';
import { RawClient } from './raw-client.ts';

const postern = fileURLToPath(new URL('../../bin/postern.ts', import.meta.url));
const secret = 'a secret of the test';
let folder: string;
let target: Server;
let hold: ServerResponse[] = [];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-serve-'));
  target = createServer((request, response) => {
    request.resume();
    if (request.url === '/hooks/slow') hold.push(response);
    else response.end('built\n');
  });
  await once(target.listen(0, '127.0.0.1'), 'listening');
  const { port } = target.address() as AddressInfo;
  await writeFile(
    join(folder, 'postern.yaml'),
    `services:
  builds:
    targets: [{ url: "http://127.0.0.1:${port}" }]
    transport: direct
routes:
  hooks:
    match: { path: /hooks/*, methods: [POST] }
    service: builds
    plugins:
      webhook: { provider: github, secret: env:SERVE_TEST_SECRET }
`,
  );
});
after(async () => {
  target.closeAllConnections();
  await new Promise((resolve) => target.close(resolve));
  await rm(folder, { recursive: true });
});

interface Running {
  readonly child: ChildProcess;
  readonly listen: string;
  readonly admin: string;
  readonly log: () => readonly Record<string, unknown>[];
  readonly ended: Promise<{ readonly code: number | null; readonly stderr: string }>;
}

function run(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [postern, 'serve', ...args], {
    env: { ...process.env, SERVE_TEST_SECRET: secret, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    text.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    text.stderr += chunk;
  });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...text }));
  return { child, text, ended };
}

async function start(
  t: TestContext,
  config = join(folder, 'postern.yaml'),
  ...more: readonly string[]
): Promise<Running> {
  const { child, text, ended } = run([
    '--config',
    config,
    '--listen',
    '127.0.0.1:0',
    '--admin',
    '127.0.0.1:0',
    ...more,
  ]);
  t.after(() => child.kill('SIGKILL'));
  const log = () =>
    text.stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  for (let waited = 0; log().length === 0; waited += 20) {
    assert.ok(waited < 60_000 && child.exitCode === null, text.stderr);
    await delay(20);
  }
  const [{ event, listen, admin }] = log() as [Record<string, string>];
  assert.equal(event, 'listening');
  return { child, listen: `http://${listen}`, admin: `http://${admin}`, log, ended };
}

function deliver(origin: string, path: string, body = '{"ref":"refs/heads/main"}'): Promise<Response> {
  const signature = createHmac('sha256', secret).update('{"ref":"refs/heads/main"}').digest('hex');
  return fetch(`${origin}${path}`, {
    method: 'POST',
    headers: { 'x-github-event': 'push', 'x-hub-signature-256': `sha256=${signature}` },
    body,
  });
}

test('serve takes a signed webhook, refuses a forged one, logs both, drains at SIGTERM and exits 0', async (t) => {
  const running = await start(t);
  assert.equal((await fetch(`${running.admin}/readyz`)).status, 200);
  const good = await deliver(running.listen, '/hooks/x');
  assert.equal(await good.text(), 'built\n');
  const forged = await deliver(running.listen, '/hooks/x', '{"ref":"refs/heads/evil"}');
  assert.equal(forged.status, 401);
  assert.equal(((await forged.json()) as { code: string }).code, 'webhook:signature');

  const metrics = parseMetrics(await (await fetch(`${running.admin}/metrics`)).text());
  const requests = (labels: Readonly<Record<string, string>>) =>
    sampleOf(metrics, 'postern_requests_total', { route: 'hooks', ...labels });
  assert.equal(requests({ status: '2xx', code: '' }), 1);
  assert.equal(requests({ status: '4xx', code: 'webhook:signature' }), 1);
  assert.equal(sampleOf(metrics, 'postern_request_duration_seconds_count', { route: 'hooks' }), 2);
  assert.equal(sampleOf(metrics, 'postern_plugin_duration_seconds_count', { plugin: 'webhook' }), 2);

  const slow = deliver(running.listen, '/hooks/slow');
  while (hold.length === 0) await delay(10);
  running.child.kill('SIGTERM');
  let readiness: number | undefined;
  while (readiness !== 503) {
    readiness = (await fetch(`${running.admin}/readyz`)).status;
    await delay(10);
  }
  hold.shift()?.end('late\n');
  assert.equal(await (await slow).text(), 'late\n');
  assert.deepEqual(await running.ended.then(({ code, stderr }) => ({ code, stderr })), {
    code: 0,
    stderr: '',
  });

  const logged = running.log().filter(({ event }) => event === 'request');
  assert.deepEqual(
    logged.map(({ status, code, path }) => [status, code, path]),
    [
      [200, undefined, '/hooks/x'],
      [401, 'webhook:signature', '/hooks/x'],
      [200, undefined, '/hooks/slow'],
    ],
  );
  assert.deepEqual(
    running
      .log()
      .map(({ event }) => event)
      .filter((event) => event !== 'request'),
    ['listening', 'stopping', 'stopped'],
  );
  assert.ok(!JSON.stringify(running.log()).includes(secret));
});

test('a second signal, later, cuts off what still runs', async (t) => {
  const running = await start(t);
  const slow = deliver(running.listen, '/hooks/slow').then(
    () => 'answered',
    () => 'cut off',
  );
  while (hold.length === 0) await delay(10);
  hold = [];
  running.child.kill('SIGINT');
  while (!running.log().some(({ event }) => event === 'stopping')) await delay(10);
  // What is logged was heard, so that a second is over for the program too.
  await delay(1_100);
  running.child.kill('SIGINT');
  assert.equal((await running.ended).code, 0);
  assert.equal(await slow, 'cut off');
});

/** Serves on free ports in this process, with five seconds to drain. */
function serveOn(upstream: HeldUpstream, options: Pick<ServeOptions, 'signals' | 'clock'>): Promise<Serving> {
  const free = { host: '127.0.0.1', port: 0 };
  return serve({
    gateway: gatewayWith({ upstream }),
    server: { limits: {}, drainTimeout: 5_000 },
    protections: new Set(),
    listen: free,
    admin: free,
    log: noLog,
    metrics: new PrometheusMetrics(),
    ...options,
  });
}

test('signals within a second count once, and the grace begins at the first', async () => {
  const clock = new VirtualClock();
  const signals = new EventEmitter();
  const upstream = new HeldUpstream();
  const running = await serveOn(upstream, { signals, clock });
  const client = await RawClient.connect(running.address.port);
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const held = await upstream.next();
  signals.emit('SIGINT', 'SIGINT');
  await clock.advance(1_000);
  signals.emit('SIGTERM', 'SIGTERM');
  await clock.advance(3_999);
  assert.equal(held.aborted, false);
  await clock.advance(1);
  await clock.run(running.stopped);
  assert.equal(held.aborted, true);
  client.close();
});

test('the admin address shows what the server has in use, while it is in use', async () => {
  const signals = new EventEmitter();
  const upstream = new HeldUpstream();
  const running = await serveOn(upstream, { signals });
  const read = async () => {
    const answer = await fetch(`http://127.0.0.1:${running.admin.port}/metrics`);
    assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    const metrics = parseMetrics(await answer.text());
    return {
      connections: sampleOf(metrics, 'postern_connections'),
      requests: sampleOf(metrics, 'postern_requests_in_flight'),
      holds: sampleOf(metrics, 'postern_request_memory_bytes') > 0,
    };
  };
  assert.deepEqual(await read(), { connections: 0, requests: 0, holds: false });
  const client = await RawClient.connect(running.address.port);
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const held = [await upstream.next(), await upstream.next()];
  assert.deepEqual(await read(), { connections: 1, requests: 2, holds: true });
  for (const { receiver } of held) {
    receiver.head(200, ['content-length', '2']);
    receiver.data(Buffer.from('ok'));
    receiver.end();
  }
  await client.until(/ok[\s\S]*ok/);
  assert.deepEqual(await read(), { connections: 1, requests: 0, holds: false });
  client.close();
  signals.emit('SIGTERM', 'SIGTERM');
  await running.stopped;
});

test('serve loads its file again at SIGHUP, and with --watch when it changes', async (t) => {
  const file = join(folder, 'changing.yaml');
  const text = (body: string) =>
    `services: {}\nroutes: { a: { match: { path: /* }, open: true, answer: { status: 200, body: ${body} } } }\n`;
  await writeFile(file, text('one'));
  const running = await start(t, file, '--watch');
  const reloads = () => running.log().filter(({ event }) => event === 'reloaded');
  await writeFile(file, text('two'));
  while (reloads().length < 1) await delay(10);
  assert.equal(await (await fetch(running.listen)).text(), 'two');
  running.child.kill('SIGHUP');
  while (reloads().length < 2) await delay(10);
  assert.deepEqual(
    reloads().map(({ cause, generation }) => [cause, generation]),
    [
      ['watch', 2],
      ['SIGHUP', 3],
    ],
  );
  running.child.kill('SIGTERM');
  assert.equal((await running.ended).code, 0);
});

const wrong: readonly (readonly [what: string, args: readonly string[], code: number, stderr: RegExp])[] = [
  [
    'a file that is not there',
    ['--config', 'nowhere.yaml'],
    2,
    /^postern: cannot read nowhere\.yaml: there is no such file\n$/,
  ],
  [
    'standard input to be watched',
    ['--config', '-', '--watch'],
    2,
    /^postern: --watch needs a file; standard input is read once\n$/,
  ],
  [
    'an address without a host',
    ['--config', 'CONFIG', '--listen', ':8080'],
    2,
    /^postern: --listen or POSTERN_LISTEN: ":8080" is not HOST:PORT; name the host: .*\n$/,
  ],
  [
    'a port in use',
    ['--config', 'CONFIG', '--listen', 'BUSY', '--admin', '127.0.0.1:0'],
    1,
    /^postern: 127\.0\.0\.1:[0-9]+ is in use by another program; stop it, or set POSTERN_LISTEN to another HOST:PORT\n$/,
  ],
  [
    'an admin port in use',
    ['--config', 'CONFIG', '--listen', '127.0.0.1:0', '--admin', 'BUSY'],
    1,
    /^postern: 127\.0\.0\.1:[0-9]+ is in use by another program; stop it, or set POSTERN_ADMIN to another HOST:PORT\n$/,
  ],
  [
    'an address of another machine',
    ['--config', 'CONFIG', '--listen', '192.0.2.1:8080'],
    1,
    /^postern: 192\.0\.2\.1:8080 is not an address of this machine; set POSTERN_LISTEN to another HOST:PORT\n$/,
  ],
];
for (const [what, args, code, stderr] of wrong) {
  test(`serve says in one line what is wrong and exits ${code}: ${what}`, async () => {
    const busy = `127.0.0.1:${(target.address() as AddressInfo).port}`;
    const given = args.map((arg) =>
      arg === 'BUSY' ? busy : arg === 'CONFIG' ? join(folder, 'postern.yaml') : arg,
    );
    const ended = await run(given).ended;
    assert.equal(ended.code, code);
    assert.match(ended.stderr, stderr);
    assert.equal(ended.stdout.includes('listening'), false);
  });
}

test('serve says every error of a configuration and exits 1', async () => {
  const file = join(folder, 'wrong.yaml');
  await writeFile(file, 'services: {}\nroutes: { a: { service: nobody, match: { path: /a } } }\n');
  const ended = await run(['--config', file]).ended;
  assert.equal(ended.code, 1);
  assert.match(ended.stderr, /wrong\.yaml:2:/);
});
