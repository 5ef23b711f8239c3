import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { call } from './lab/http.ts';
import type { HttpApi } from './lab/http-api.ts';
import { type Lab, startLab } from './lab/lab.ts';
import { enterHub } from './lab/network.ts';
import type { Sandbox } from './lab/sandbox.ts';

const wanted = Boolean(process.env.POSTERN_SLOW || process.env.CI);
const skip = wanted
  ? ((await enterHub()) ?? false)
  : 'freezes for three minutes: set POSTERN_SLOW=1 to run it';

describe('a sandbox that Lambda froze', { skip, concurrency: 8 }, () => {
  let lab: Lab;
  let config: unknown;

  before(async () => {
    lab = await startLab();
    await lab.storeKey();
    config = {
      services: { echo: { targets: [{ url: `http://${lab.target.name}:8080` }], transport: 'tailnet' } },
      routes: { all: { match: { path: '/*' }, service: 'echo', open: true } },
    };
  });
  after(() => lab?.stop());

  async function start(): Promise<{ readonly sandbox: Sandbox; readonly api: HttpApi }> {
    const sandbox = await lab.forwarder({ config });
    const api = await lab.api(sandbox.invoke);
    for (let count = 0; count < 4; count += 1) assert.equal((await call(api.url)).status, 200);
    return { sandbox, api };
  }

  /** How long it takes is measured by `npm run bench thaw`. */
  async function assertAnswers(sandbox: Sandbox, api: HttpApi): Promise<void> {
    const { status, body } = await call(api.url, { method: 'POST', body: 'x' });
    assert.equal(status, 200, `${body}\n${sandbox.log.tail()}`);
    for (let count = 0; count < 3; count += 1) assert.equal((await call(api.url)).status, 200);
  }

  for (const seconds of [60, 185]) {
    for (const which of ['first', 'second']) {
      test(`answers the next request after ${seconds} s (the ${which} of two)`, async () => {
        const { sandbox, api } = await start();
        await sandbox.freeze(seconds * 1_000);
        await assertAnswers(sandbox, api);
        await sandbox.shutdown();
      });
    }
  }

  test('leaves the tailnet when its end comes after a freeze', async () => {
    const { sandbox } = await start();
    await sandbox.freeze(185_000);
    await sandbox.shutdown();
    const isListed = async () =>
      (await lab.headscale.nodes()).some(({ name }) => name === sandbox.functionName);
    for (let look = 0; look < 40 && (await isListed()); look += 1)
      await new Promise((resolve) => setTimeout(resolve, 500));
    // What it asked for just before may reach the control server just after.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    assert.equal(await isListed(), false, sandbox.log.tail());
  });

  test('joins again when the control server deleted its node meanwhile, and answers', async () => {
    const { sandbox, api } = await start();
    const freeze = sandbox.freeze(70_000);
    const [node] = (await lab.headscale.nodes()).filter(({ name }) => name === sandbox.functionName);
    await lab.headscale.deleteNode(node?.id ?? '');
    await freeze;
    await assertAnswers(sandbox, api);
    await sandbox.shutdown();
  });
});
