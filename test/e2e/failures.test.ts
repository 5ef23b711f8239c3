import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { call } from './lab/http.ts';
import type { HttpApi } from './lab/http-api.ts';
import { type Lab, startLab } from './lab/lab.ts';
import { enterHub } from './lab/network.ts';
import { until } from './lab/process.ts';
import type { Sandbox } from './lab/sandbox.ts';

const skip = (await enterHub()) ?? false;

interface Outcome {
  readonly status: number;
  /** The stable code of a refusal; empty for an answer of the target. */
  readonly code: string;
}

describe('a forwarder whose target fails', { skip }, () => {
  let lab: Lab;
  let forwarder: Sandbox;
  let api: HttpApi;

  before(async () => {
    lab = await startLab();
    await lab.storeKey();
    forwarder = await lab.forwarder({ config: configuration(lab) });
    api = await lab.api(forwarder.invoke);
    assert.equal((await get('/echo/')).status, 200);
  });
  after(() => lab?.stop());

  /** One route a service, `/NAME/*`, all open: these tests are about the way behind policy. */
  function configuration({ target }: Lab): unknown {
    const services = {
      echo: { port: 8080, timeout: '10s' },
      short: { port: 8080, timeout: '3s' },
      quick: { port: 8080, timeout: '300ms' },
      closed: { port: 8081, timeout: '10s' },
      denied: { port: 9999, timeout: '10s' },
      unknown: { port: 8080, timeout: '10s', name: 'nobody.tail.test' },
    };
    const names = Object.keys(services) as (keyof typeof services)[];
    const service = ({
      port,
      timeout,
      name = target.name,
    }: {
      port: number;
      timeout: string;
      name?: string;
    }) => ({
      targets: [{ url: `http://${name}:${port}` }],
      transport: 'tailnet',
      timeout,
    });
    const route = (name: string) => ({
      match: { path: `/${name}/*` },
      service: name,
      targetPath: 'strip',
      open: true,
    });
    return {
      services: Object.fromEntries(names.map((name) => [name, service(services[name])])),
      routes: Object.fromEntries(names.map((name) => [name, route(name)])),
    };
  }

  async function get(path: string, on = api): Promise<Outcome> {
    const answer = await call(`${on.url}${path}`);
    const isProblem = answer.headers['content-type'] === 'application/problem+json';
    const code = isProblem ? (JSON.parse(answer.body.toString()) as { code: string }).code : '';
    return { status: answer.status, code };
  }

  async function assertRefused(path: string, status: number, code: string): Promise<void> {
    const outcome = await get(path);
    assert.deepEqual([outcome.status, outcome.code], [status, code], forwarder.log.tail());
  }

  const refusals: readonly (readonly [name: string, path: string, status: number, code: string])[] = [
    ['nothing listens on the port', '/closed/', 502, 'upstream:connection-refused'],
    ["the tailnet's policy denies the port", '/denied/', 502, 'upstream:target-denied'],
    ['there is no such peer', '/unknown/', 502, 'upstream:target-unknown'],
    ['the target takes too long', '/quick/?delay=2000', 504, 'upstream:timeout'],
    ['the target closes the connection instead of answering', '/echo/?reset', 502, 'upstream:reset'],
  ];
  for (const [name, path, status, code] of refusals) {
    test(`says ${status} ${code} when ${name}`, () => assertRefused(path, status, code));
  }

  test('says 504 upstream:target-offline when the target is down, and delivers again once it is up', async () => {
    await lab.target.down();
    try {
      await assertRefused('/echo/', 504, 'upstream:target-offline');
    } finally {
      await lab.target.up();
    }
    await untilAnswered(forwarder, '/echo/', api);
  });

  async function untilAnswered(sandbox: Sandbox, path: string, on: HttpApi): Promise<void> {
    const answered = async () => {
      const outcome = await get(path, on);
      if (outcome.status === 200) return true;
      throw new Error(`${JSON.stringify(outcome)}\n${sandbox.log.tail(40)}`);
    };
    await until('the target answers', answered);
  }

  test('answers again after tailscaled was killed', async () => {
    const daemon = forwarder.processes().find(({ argv }) => argv[0]?.endsWith('tailscaled'));
    assert.ok(daemon);
    process.kill(daemon.pid, 'SIGKILL');
    await untilAnswered(forwarder, '/echo/', api);
  });

  test('answers again after the control server deleted its node', async () => {
    // A forwarder of its own: after one suspicion the extension waits half a minute before it suspects the control server again.
    const another = await lab.forwarder({ config: configuration(lab) });
    const its = await lab.api(another.invoke);
    await get('/short/', its);
    const [node] = (await lab.headscale.nodes()).filter(({ name }) => name === another.functionName);
    await lab.headscale.deleteNode(node?.id ?? '');
    await until('the target knows that the node is gone', async () => {
      const { peers } = await lab.target.local.status();
      return !(another.functionName in peers) || undefined;
    });
    // Its kept connection leads nowhere, which nothing but silence tells.
    await untilAnswered(another, '/short/', its);
    await another.shutdown();
  });

  test('delivers while the control server is away, and when it is back', async () => {
    await lab.headscale.stop();
    try {
      assert.equal((await get('/echo/')).status, 200);
    } finally {
      await lab.headscale.restart();
    }
    assert.equal((await get('/echo/')).status, 200);
  });

  test('says 503 upstream:tunnel-not-ready when the layer is missing', async () => {
    const bare = await lab.forwarder({ config: configuration(lab), layers: [] });
    const outcome = await get('/echo/', await lab.api(bare.invoke));
    assert.deepEqual([outcome.status, outcome.code], [503, 'upstream:tunnel-not-ready'], bare.log.tail());
    await bare.kill();
  });

  test('says 503 gateway:misconfigured when its configuration is wrong', async () => {
    const wrong = await lab.forwarder({ config: { routes: {}, sevices: {} } });
    const outcome = await get('/echo/', await lab.api(wrong.invoke));
    assert.deepEqual([outcome.status, outcome.code], [503, 'gateway:misconfigured'], wrong.log.tail());
    assert.match(wrong.log.text, /sevices/);
    await wrong.shutdown();
  });
});
