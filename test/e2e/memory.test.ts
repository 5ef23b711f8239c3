import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { call } from './lab/http.ts';
import type { HttpApi } from './lab/http-api.ts';
import { type Lab, startLab } from './lab/lab.ts';
import { enterHub } from './lab/network.ts';
import type { Sandbox } from './lab/sandbox.ts';
import { smallMemory } from './lab/small-memory.ts';

const skip = (await enterHub()) ?? false;

const functionBytes = 256e6;
const bodyBytes = 4 * 1024 * 1024;

describe('function, extension and tailscaled together', { skip }, () => {
  let lab: Lab;
  let forwarder: Sandbox;
  let api: HttpApi;

  before(async () => {
    lab = await startLab();
    await lab.storeKey();
    const config = {
      services: { echo: { targets: [{ url: `http://${lab.target.name}:8080` }], transport: 'tailnet' } },
      routes: { all: { match: { path: '/*' }, service: 'echo', open: true } },
    };
    forwarder = await lab.forwarder({ config, env: smallMemory });
    api = await lab.api(forwarder.invoke);
  });
  after(() => lab?.stop());

  async function send(count: number, body: Buffer, query: string): Promise<void> {
    for (let sent = 0; sent < count; sent += 1) {
      const { status } = await call(`${api.url}/${query}`, { method: 'POST', body });
      assert.equal(status, 200);
    }
  }

  function assertSmall(): void {
    const processes = forwarder.processes();
    assert.equal(processes.length, 3);
    const sum = processes.reduce((total, one) => total + one.residentBytes, 0);
    const each = processes.map((one) => `${one.argv.slice(0, 2).join(' ')} ${megabytes(one.residentBytes)}`);
    assert.ok(sum < functionBytes, `${megabytes(sum)} resident: ${each.join(', ')}`);
  }

  function megabytes(bytes: number): string {
    return `${Math.round(bytes / 1e6)} MB`;
  }

  test('stay below 256 MB resident after 300 small requests', async () => {
    await send(300, Buffer.alloc(1_024), '?size=1024');
    assertSmall();
  });

  test('stay below 256 MB resident after 50 bodies of 4 MB, up and down', async () => {
    await send(50, Buffer.alloc(bodyBytes), `?size=${bodyBytes}`);
    assertSmall();
  });
});
