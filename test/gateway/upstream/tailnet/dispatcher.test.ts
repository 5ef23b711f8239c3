import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test, { type TestContext } from 'node:test';
import tls from 'node:tls';
import { type Dispatcher, getGlobalDispatcher, setGlobalDispatcher, request as undiciRequest } from 'undici';
import { replies } from '../../../../demo/socks5-server.ts';
import { type FetchDispatcher, tailnetDispatcher } from '../../../../gateway/upstream/tailnet/index.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';
import { selfSigned } from '../fixtures/certificate.ts';
import { type FakeOwner, notReady, ready, startOwner } from '../fixtures/endpoint.ts';
import { silence, startProxy, type TestProxy } from '../fixtures/proxy.ts';
import { says, startTarget, until } from '../fixtures/server.ts';

interface Lab {
  readonly dispatcher: FetchDispatcher;
  readonly owner: FakeOwner;
  readonly proxy: TestProxy;
  readonly clock: VirtualClock;
}

async function lab(
  t: TestContext,
  targetPort: number,
  options: { readonly withinMs?: number } = {},
): Promise<Lab> {
  const owner = await startOwner(t);
  const proxy = await startProxy(t, () => ({ host: '127.0.0.1', port: targetPort }));
  const clock = new VirtualClock(Date.now());
  const dispatcher = tailnetDispatcher({
    socksPort: proxy.port,
    readinessPort: owner.port,
    clock,
    ...options,
  });
  t.after(() => dispatcher.destroy());
  return { dispatcher, owner, proxy, clock };
}

/** undici gives a connection back one turn after its last byte. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 2));

async function text(url: string, dispatcher: FetchDispatcher): Promise<string> {
  const body = await (await fetch(url, { dispatcher })).text();
  await turn();
  return body;
}

const builder = 'http://builder.test:8080/';
const webSocketGuid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const causeOf = (error: unknown) => (error as { cause: { code: string; message: string } }).cause;

test("Node's own fetch reaches a target by its name in the tailnet, over kept connections", async (t) => {
  const target = await startTarget(t, says('hello'));
  const { dispatcher, proxy, owner } = await lab(t, target.port);
  for (let request = 0; request < 5; request += 1) assert.equal(await text(builder, dispatcher), 'hello');
  assert.deepEqual(proxy.asked, ['builder.test:8080']);
  assert.equal(owner.asked.length, 1);
});

test('fetch sends bodies whole, buffered and streamed, and reads status, headers and cookies', async (t) => {
  const target = await startTarget(t, async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    response.writeHead(201, [
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
      ['x-method', request.method ?? ''],
    ] as never);
    response.end(body);
  });
  const { dispatcher } = await lab(t, target.port);
  const bodies: [RequestInit['body'], string][] = [
    ['text', 'text'],
    [new Uint8Array([104, 105]), 'hi'],
    [new Blob(['blob']).stream(), 'blob'],
  ];
  for (const [body, expected] of bodies) {
    const response = await fetch(builder, {
      method: 'POST',
      body,
      dispatcher,
      duplex: 'half',
    } as RequestInit);
    assert.equal(response.status, 201);
    assert.deepEqual(response.headers.getSetCookie(), ['a=1', 'b=2']);
    assert.equal(response.headers.get('x-method'), 'POST');
    assert.equal(await response.text(), expected);
  }
});

test('fetch follows a redirect through the tunnel, and not out of it to the machine itself', async (t) => {
  const target = await startTarget(t, (request, response) => {
    const location = request.url === '/evil' ? 'http://127.0.0.1:8080/' : '/there';
    if (request.url === '/there') return void response.end('arrived');
    response.writeHead(302, { location }).end();
  });
  const { dispatcher } = await lab(t, target.port);
  assert.equal(await text(builder, dispatcher), 'arrived');
  const error = await fetch(`${builder}evil`, { dispatcher }).catch((caught: unknown) => caught);
  assert.equal(causeOf(error).code, 'upstream:target-denied');
});

test('fetch speaks https through the tunnel', async (t) => {
  const certificate = selfSigned(['builder.test']);
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), certificate.cert]);
  const target = await startTarget(t, says('secret'), { tls: certificate });
  const { dispatcher, proxy } = await lab(t, target.port);
  assert.equal(await text('https://builder.test/', dispatcher), 'secret');
  assert.deepEqual(proxy.asked, ['builder.test:443']);
  const error = await fetch('https://other.test/', { dispatcher }).catch((caught: unknown) => caught);
  assert.equal(causeOf(error).code, 'upstream:tls-failed');
});

test('an answer streams, and stops when its reader does', async (t) => {
  let written = 0;
  const target = await startTarget(t, (_request, response) => {
    const chunk = Buffer.alloc(64 * 1024);
    const more = () => {
      do written += chunk.length;
      while (response.write(chunk));
      response.once('drain', more);
    };
    more();
  });
  const { dispatcher } = await lab(t, target.port);
  const response = await fetch(builder, { dispatcher });
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  await reader.read();
  await new Promise((resolve) => setTimeout(resolve, 150));
  assert.ok(written < 24 * 1024 * 1024, `${written} bytes for one read`);
  await reader.cancel();
  await until(() => target.open() === 0);
});

test('undici of this version takes it too', async (t) => {
  const target = await startTarget(t, says('hello'));
  const { dispatcher } = await lab(t, target.port);
  const { statusCode, body } = await undiciRequest(builder, {
    dispatcher: dispatcher as unknown as Dispatcher,
  });
  assert.equal(statusCode, 200);
  assert.equal(await body.text(), 'hello');
});

test('after a pause kept connections are replaced, while requests under way end on theirs', async (t) => {
  let finish = () => {};
  const target = await startTarget(t, (request, response) => {
    if (!request.url?.endsWith('slow')) return void response.end('quick');
    response.write('begun, ');
    finish = () => response.end('ended');
  });
  const { dispatcher, clock } = await lab(t, target.port);
  const slow = await fetch(`${builder}slow`, { dispatcher });
  await text(builder, dispatcher);
  assert.equal(target.connections(), 2);
  clock.freeze(10_000);
  assert.equal(await text(builder, dispatcher), 'quick');
  assert.equal(target.connections(), 3);
  await until(() => target.open() === 2, 'the end of the idle connection');
  finish();
  assert.equal(await slow.text(), 'begun, ended');
  await until(() => target.open() === 1, 'the end of the old connection');
});

test('a request waits for the tunnel, and one that is aborted meanwhile makes no connection', async (t) => {
  const target = await startTarget(t, says('hello'));
  const { dispatcher, owner } = await lab(t, target.port);
  let become = () => {};
  owner.answer = () =>
    new Promise((resolve) => {
      become = () => resolve(ready());
    });
  const controller = new AbortController();
  const aborted = fetch(builder, { dispatcher, signal: controller.signal });
  const waits = fetch(builder, { dispatcher });
  await until(() => owner.asked.length === 1);
  controller.abort();
  await assert.rejects(aborted, { name: 'AbortError' });
  become();
  assert.equal(await (await waits).text(), 'hello');
});

test('a tunnel that is not ready, and a target that cannot be reached, are the cause of the TypeError', async (t) => {
  const { dispatcher, owner, proxy } = await lab(t, 1);
  proxy.route = () => ({ refuse: replies.failure });
  owner.diagnose = () => ({ code: 'upstream:connection-refused', detail: 'nothing listens on 8080' });
  const unreachable = await fetch(builder, { dispatcher }).catch((caught: unknown) => caught);
  assert.ok(unreachable instanceof TypeError);
  assert.equal(causeOf(unreachable).code, 'upstream:connection-refused');
  owner.answer = () => notReady('tunnel:secret-forbidden', 'Allow it.');
  await fetch(builder, { dispatcher }).catch(() => {});
  const down = await fetch(builder, { dispatcher }).catch((caught: unknown) => caught);
  assert.equal(causeOf(down).code, 'upstream:tunnel-not-ready');
  assert.match(causeOf(down).message, /tunnel:secret-forbidden: Allow it\./);
});

test('a dial is limited and made again, and no request waits longer than it is given', async (t) => {
  const target = await startTarget(t, says('hello'));
  const { dispatcher, proxy, owner, clock } = await lab(t, target.port, { withinMs: 800 });
  proxy.route = () => (proxy.asked.length === 1 ? silence() : { host: '127.0.0.1', port: target.port });
  assert.equal(await clock.run(text(builder, dispatcher)), 'hello');
  assert.equal(proxy.asked.length, 2);
  proxy.route = silence;
  owner.diagnose = silence;
  const before = clock.monotonic();
  await assert.rejects(clock.run(fetch('http://other.test/', { dispatcher })));
  assert.equal(clock.monotonic() - before, 800);
});

test('closing waits for requests under way, destroying does not', async (t) => {
  let finish = () => {};
  const target = await startTarget(t, (_request, response) => {
    response.write('begun, ');
    finish = () => response.end('ended');
  });
  const first = await lab(t, target.port);
  const slow = await fetch(builder, { dispatcher: first.dispatcher });
  const closed = first.dispatcher.close();
  finish();
  assert.equal(await slow.text(), 'begun, ended');
  await closed;
  const second = await lab(t, target.port);
  const broken = await fetch(builder, { dispatcher: second.dispatcher });
  await second.dispatcher.destroy();
  await assert.rejects(broken.text());
  await until(() => target.open() === 0);
});

test("Node's own WebSocket goes through the tunnel too", async (t) => {
  const target = await startTarget(t, () => {});
  const { dispatcher, proxy } = await lab(t, target.port);
  target.server.on('upgrade', (request, socket) => {
    // RFC 6455 section 4.2.2, then one unmasked text frame.
    const accept = createHash('sha1')
      .update(`${request.headers['sec-websocket-key']}${webSocketGuid}`)
      .digest('base64');
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n');
    socket.write(`sec-websocket-accept: ${accept}\r\n\r\n`);
    socket.write(Buffer.from([0x81, 5, ...Buffer.from('hello')]));
  });
  const webSocket = new WebSocket('ws://builder.test:8080/', { dispatcher } as never);
  t.after(() => webSocket.close());
  const message = await new Promise((resolve, reject) => {
    webSocket.onmessage = ({ data }) => resolve(data);
    webSocket.onerror = () => reject(new Error('the WebSocket failed'));
  });
  assert.equal(message, 'hello');
  assert.deepEqual(proxy.asked, ['builder.test:8080']);
});

test('undici of this version takes it for all its requests', async (t) => {
  const target = await startTarget(t, says('hello'));
  const { dispatcher, proxy } = await lab(t, target.port);
  const before = getGlobalDispatcher();
  t.after(() => setGlobalDispatcher(before));
  setGlobalDispatcher(dispatcher as unknown as Dispatcher);
  assert.equal(await (await undiciRequest(builder)).body.text(), 'hello');
  assert.deepEqual(proxy.asked, ['builder.test:8080']);
});
