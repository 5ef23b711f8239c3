import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { systemClock } from '../../../base/clock.ts';
import { refusals } from '../../../gateway/answer/refusal.ts';
import { next } from '../../../gateway/answer/verdict.ts';
import { createAccessLog } from '../../../gateway/observe/access-log.ts';
import { createUpstream } from '../../../gateway/upstream/client.ts';
import { readTailnetPorts } from '../../../gateway/upstream/tailnet/ports.ts';
import { parseTarget } from '../../../gateway/upstream/target.ts';
import { gatewayWith, instance, request, send } from '../../support/gateway.ts';
import { createTransport } from '../../support/transport.ts';
import { closedPort, startTarget } from '../upstream/fixtures/server.ts';

const noSink = { head() {}, data: () => true, end() {}, abort() {} };

async function logged(
  overrides: Parameters<typeof request>[0],
  subject = 'someone',
  detail = 'why',
): Promise<Record<string, unknown>> {
  const lines: string[] = [];
  const no = refusals('test', { denied: [403, 'Denied'] });
  const gateway = gatewayWith({
    instances: [
      instance(
        'who',
        2000,
        {
          access: (x) => {
            x.subject = { type: 'x', id: subject };
            return next;
          },
        },
        'authenticates',
      ),
      instance('acl', 1, { access: () => no.denied(detail) }),
    ],
    finished: createAccessLog((line) => lines.push(line)),
  });
  await send(gateway, request(overrides));
  assert.equal(lines.length, 1);
  assert.ok(lines[0]?.endsWith('}\n') && lines[0].indexOf('\n') === lines[0].length - 1, 'one line');
  return JSON.parse(lines[0] as string);
}

test('a line says who asked for what, what came of it and what each plugin said', async () => {
  const { time, ms, trail, ...rest } = await logged({ id: 'id-1', target: '/hooks?token=secret' });
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.equal(typeof ms, 'number');
  assert.deepEqual(rest, {
    level: 'info',
    event: 'request',
    id: 'id-1',
    method: 'POST',
    host: 'hooks.example.com',
    path: '/hooks',
    route: 'all',
    source: '192.0.2.7',
    subject: 'someone',
    status: 403,
    code: 'test:denied',
    detail: 'why',
    sentBytes: rest.sentBytes,
  });
  const plugins = (trail as { plugin: string; result: string; reason?: string }[]).map(
    ({ plugin, result, reason }) => [plugin, result, reason],
  );
  assert.deepEqual(plugins, [
    ['who', 'next', undefined],
    ['acl', 'refuse', 'test:denied'],
  ]);
});

test('the query never gets into the log', async () => {
  assert.ok(!JSON.stringify(await logged({ target: '/hooks?token=secret' })).includes('secret'));
});

test('a line names each target that was tried, with its status or why it failed, and its time', async (t) => {
  const silent = await startTarget(t, (request, response) => {
    if (request.url === '/answer') response.writeHead(404).end();
  });
  const urls = [`http://127.0.0.1:${await closedPort(t)}`, `http://127.0.0.1:${silent.port}/`];
  const upstream = createUpstream({
    targets: urls.map((url) => parseTarget(url)),
    transport: createTransport('direct', { clock: systemClock, tailnet: readTailnetPorts({}) }),
    timeoutMs: 2_000,
  });
  t.after(() => upstream.close());
  const lines: Record<string, unknown>[] = [];
  const gateway = gatewayWith({
    upstream,
    finished: createAccessLog((line) => lines.push(JSON.parse(line))),
  });
  await send(gateway, request({ target: '/answer' }));
  await send(gateway, request({ target: '/silent' }));
  const arrived = new Promise((resolve) => void silent.server.once('request', resolve));
  const handling = gateway.handle(request({ target: '/left' }), noSink);
  await arrived;
  handling.cancel();

  const refused = { target: urls[0], code: 'upstream:connection-refused' };
  const target = `http://127.0.0.1:${silent.port}`;
  const attempts = lines.map((line) => line.attempts as { ms: number }[]);
  for (const { ms } of attempts.flat()) assert.ok(ms > 0);
  assert.deepEqual(
    attempts.map((list) => list.map(({ ms, ...rest }) => rest)),
    [
      [refused, { target, status: 404 }],
      [refused, { target, code: 'upstream:timeout' }],
      [refused, { target }],
    ],
  );
});

test('a request without a route is logged with the known facts', async () => {
  const line = await logged({ method: 'PUT', target: '/a/../b?token=secret' });
  const { code, method, host, path, source } = line;
  assert.deepEqual([code, method, host, path], ['path:dot-segment', 'PUT', 'hooks.example.com', '/a/../b']);
  assert.equal(source, '192.0.2.7');
});

test('a request without an address is refused and logged as that', async () => {
  const { code, source } = await logged({ clientIp: undefined });
  assert.deepEqual([code, source], ['gateway:unknown-source', 'unknown']);
});

test('neither the query nor the user of a URL as the target gets into the log', async () => {
  for (const target of [
    'http://user:secret@a/b?secret',
    'user:secret@a:443',
    'http://user:secret@a?secret',
    '/b#secret',
  ]) {
    const line = await logged({ target });
    assert.ok(!JSON.stringify(line).includes('secret'), JSON.stringify(line));
  }
});

test('a client cannot make a line long', async () => {
  const long = 'ü'.repeat(100_000);
  const line = await logged(
    { id: long, method: long, target: `/../${long}`, headers: ['host', long] },
    long,
    long,
  );
  assert.ok(JSON.stringify(line).length < 8_000);
  const routed = await logged({ target: `/${'a/'.repeat(200)}${'a'.repeat(7_000)}` }, long, long);
  assert.ok(JSON.stringify(routed).length < 8_000);
});

test('whatever stands in a line, it is one line of JSON that gives the same text back', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: 'binary', minLength: 1 }),
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'binary', minLength: 1 }),
      async (subject, detail, id) => {
        const line = await logged({ id }, subject, detail);
        assert.deepEqual(
          [line.id, line.subject, line.detail],
          [id, subject, detail].map((text) => text.toWellFormed()),
        );
        const odd = await logged({
          id,
          method: subject,
          target: id,
          headers: ['host', detail],
          clientIp: undefined,
        });
        assert.deepEqual(
          [odd.method, odd.host],
          [subject, detail].map((text) => text.toWellFormed()),
        );
      },
    ),
    { numRuns: 300 },
  );
});
