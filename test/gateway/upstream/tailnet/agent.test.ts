import assert from 'node:assert/strict';
import http, { type Agent, type IncomingMessage } from 'node:http';
import https from 'node:https';
import test, { type TestContext } from 'node:test';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { replies } from '../../../../demo/socks5-server.ts';
import { tailnetAgent } from '../../../../gateway/upstream/tailnet/index.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';
import { selfSigned } from '../fixtures/certificate.ts';
import { type FakeOwner, notReady, ready, startOwner } from '../fixtures/endpoint.ts';
import { silence, startProxy, type TestProxy } from '../fixtures/proxy.ts';
import { says, startTarget, until } from '../fixtures/server.ts';

interface Lab {
  readonly agent: Agent;
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
  const agent = tailnetAgent({ socksPort: proxy.port, readinessPort: owner.port, clock, ...options });
  t.after(() => agent.destroy());
  return { agent, owner, proxy, clock };
}

async function textOf(message: IncomingMessage): Promise<string> {
  const text = Buffer.concat(await message.toArray()).toString();
  // The agent takes a connection back one turn after the last byte.
  await new Promise(setImmediate);
  return text;
}

function get(agent: Agent, options: http.RequestOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    http
      .get({ host: 'builder.test', port: 8080, agent, ...options }, (message) => resolve(textOf(message)))
      .on('error', reject);
  });
}

test('node:http reaches a target by its name in the tailnet, over kept connections', async (t) => {
  const target = await startTarget(t, says('hello'));
  const { agent, proxy, owner } = await lab(t, target.port);
  for (let request = 0; request < 5; request += 1) assert.equal(await get(agent), 'hello');
  assert.deepEqual(proxy.asked, ['builder.test:8080']);
  assert.equal(owner.asked.length, 1);
});

test('node:https uses the same agent, with TLS inside the tunnel', async (t) => {
  const tls = selfSigned(['builder.test']);
  const target = await startTarget(t, says('secret'), { tls });
  const { agent, proxy, owner } = await lab(t, target.port);
  // The first request is held back, so that it is not the call stack that tells https from http.
  owner.answer = () => new Promise((resolve) => setTimeout(() => resolve(ready()), 30));
  for (const options of [{ host: 'builder.test' }, { hostname: 'builder.test', protocol: 'https:' }]) {
    const text = await new Promise((resolve, reject) => {
      https
        .get({ ...options, agent, ca: tls.cert }, (message) => resolve(textOf(message)))
        .on('error', reject);
    });
    assert.equal(text, 'secret');
  }
  assert.deepEqual(proxy.asked, ['builder.test:443']);
});

test('a certificate for another name, or from an unknown authority, is refused', async (t) => {
  const tls = selfSigned(['other.test']);
  const target = await startTarget(t, says('secret'), { tls });
  const { agent } = await lab(t, target.port);
  for (const options of [{ ca: tls.cert }, {}]) {
    const error = await new Promise<NodeJS.ErrnoException>((resolve) => {
      https.get({ host: 'builder.test', agent, ...options }).on('error', resolve);
    });
    assert.match(error.code ?? '', /^(ERR_TLS_CERT_ALTNAME_INVALID|DEPTH_ZERO_SELF_SIGNED_CERT)$/);
  }
});

test('a certificate for an address is checked against the address', async (t) => {
  const tls = selfSigned(['10.0.0.5']);
  const target = await startTarget(t, says('secret'), { tls });
  const { agent } = await lab(t, target.port);
  const text = await new Promise((resolve, reject) => {
    https
      .get('https://10.0.0.5/', { agent, ca: tls.cert }, (message) => resolve(textOf(message)))
      .on('error', reject);
  });
  assert.equal(text, 'secret');
});

test('an IPv6 literal in a URL is dialed without its brackets', async (t) => {
  const target = await startTarget(t, says('six'));
  const { agent, proxy } = await lab(t, target.port);
  const text = await new Promise((resolve, reject) => {
    http.get('http://[fd7a:115c:a1e0::5]:8080/', { agent }, (m) => resolve(textOf(m))).on('error', reject);
  });
  assert.equal(text, 'six');
  assert.deepEqual(proxy.asked, ['fd7a:115c:a1e0:0:0:0:0:5:8080']);
});

test('after a pause kept connections are replaced, while requests under way end on theirs', async (t) => {
  let finish = () => {};
  const target = await startTarget(t, (request, response) => {
    if (request.url !== '/slow') return void response.end('quick');
    response.write('begun, ');
    finish = () => response.end('ended');
  });
  const { agent, clock } = await lab(t, target.port);
  const slow = get(agent, { path: '/slow' });
  await get(agent);
  assert.equal(target.connections(), 2);
  clock.freeze(10_000);
  assert.equal(await get(agent), 'quick');
  assert.equal(target.connections(), 3);
  await until(() => target.open() === 2, 'the end of the idle connection');
  finish();
  assert.equal(await slow, 'begun, ended');
  await until(() => target.open() === 1, 'the end of the old connection');
  await get(agent);
  assert.equal(target.connections(), 3);
});

test('after a freeze the owner is asked before a request goes out', async (t) => {
  const target = await startTarget(t, says('hello'));
  const { agent, clock, owner } = await lab(t, target.port);
  await get(agent);
  clock.freeze(190_000);
  let cured = false;
  owner.answer = async () => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    cured = true;
    return ready(2);
  };
  await get(agent);
  assert.ok(cured);
  assert.equal(target.connections(), 2);
});

test('a tunnel that is not ready fails the request with its cause', async (t) => {
  const target = await startTarget(t, says('hello'));
  const { agent, owner } = await lab(t, target.port);
  owner.answer = () => notReady('tunnel:key-expired', 'Store a new key.');
  await assert.rejects(get(agent), (error: NodeJS.ErrnoException) => {
    assert.equal(error.code, 'upstream:tunnel-not-ready');
    assert.match(error.message, /tunnel:key-expired: Store a new key\./);
    return true;
  });
  assert.equal(target.connections(), 0);
});

test('a tunnel whose own targets are silent serves other targets, after a freeze over new connections', async (t) => {
  const target = await startTarget(t, says('hello'));
  const { agent, owner, clock } = await lab(t, target.port);
  owner.answer = () => notReady('tunnel:target-unreachable', 'builder does not answer a ping.');
  assert.equal(await get(agent), 'hello');
  assert.equal(await get(agent), 'hello');
  assert.equal(target.connections(), 1);
  clock.freeze(190_000);
  assert.equal(await get(agent), 'hello');
  assert.equal(target.connections(), 2);
});

test('a target that cannot be reached fails the request with the diagnosis', async (t) => {
  const { agent, owner, proxy } = await lab(t, 1);
  proxy.route = () => ({ refuse: replies.failure });
  owner.diagnose = () => ({ code: 'upstream:target-offline', detail: 'builder was last seen yesterday' });
  await assert.rejects(get(agent), { code: 'upstream:target-offline' });
});

test('what must not be a target is refused', async (t) => {
  const { agent, proxy } = await lab(t, 1);
  for (const host of ['localhost', '127.0.0.1', '169.254.169.254']) {
    await assert.rejects(get(agent, { host }), { code: 'upstream:target-denied' });
  }
  assert.deepEqual(proxy.asked, []);
});

test('a request that is destroyed while it waits for the tunnel makes no connection', async (t) => {
  const target = await startTarget(t, says('hello'));
  const { agent, owner } = await lab(t, target.port);
  let become = () => {};
  owner.answer = () =>
    new Promise((resolve) => {
      become = () => resolve(ready());
    });
  const request = http.get({ host: 'builder.test', agent });
  const failed = new Promise((resolve) => request.on('error', resolve));
  await until(() => owner.asked.length === 1);
  request.destroy();
  become();
  await failed;
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(target.connections(), 0);
});

test('a dial is limited and made again, and no request waits longer than it is given', async (t) => {
  const target = await startTarget(t, says('hello'));
  const { agent, proxy, owner, clock } = await lab(t, target.port, { withinMs: 800 });
  proxy.route = () => (proxy.asked.length === 1 ? silence() : { host: '127.0.0.1', port: target.port });
  assert.equal(await clock.run(get(agent)), 'hello');
  assert.equal(proxy.asked.length, 2);
  agent.destroy();
  proxy.route = silence;
  owner.diagnose = silence;
  const before = clock.monotonic();
  await assert.rejects(clock.run(get(agent)));
  assert.equal(clock.monotonic() - before, 800);
});

test("Node's own limits hold: one connection at a time when maxSockets says so", async (t) => {
  const target = await startTarget(t, says('hello'));
  const owner = await startOwner(t);
  const proxy = await startProxy(t, () => ({ host: '127.0.0.1', port: target.port }));
  const agent = tailnetAgent({ socksPort: proxy.port, readinessPort: owner.port, agent: { maxSockets: 1 } });
  t.after(() => agent.destroy());
  assert.deepEqual(await Promise.all([get(agent), get(agent), get(agent)]), ['hello', 'hello', 'hello']);
  assert.equal(target.connections(), 1);
});

test("a client of AWS's SDK takes the agent for a private endpoint", async (t) => {
  const target = await startTarget(t, says('{"SecretString":"hello"}'));
  const { agent, proxy } = await lab(t, target.port);
  const client = new SecretsManagerClient({
    endpoint: 'http://secrets.test:8080',
    region: 'eu-west-1',
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' },
    requestHandler: { httpAgent: agent, httpsAgent: agent },
  });
  const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: 'one' }));
  assert.equal(SecretString, 'hello');
  assert.deepEqual(proxy.asked, ['secrets.test:8080']);
});
