import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import { daemonEnvironment } from '../../extension/daemon-environment.ts';
import { readEnvironment } from '../../functions/environment.ts';
import { Tailscaled } from '../../tunnel/tailscaled.ts';
import { Tunnel } from '../../tunnel/tunnel.ts';
import { words } from '../tunnel/tunnel-lab.ts';
import { type Lab, startLab } from './lab/lab.ts';
import { enterHub, runFolder } from './lab/network.ts';

const skip = (await enterHub()) ?? false;

/** More than Lambda gives: that leaving keeps to its time is proven in virtual time, and what counts here is the order. */
const leaveMs = 20_000;
/** A login takes Headscale some 60 ms; what comes later than this has been on its way for long. */
const arrivedMs = 300;
const silent = { info() {}, warn() {}, error() {} };

/** What is under way when SHUTDOWN comes. */
const changes: Readonly<Record<string, (tunnel: Tunnel) => unknown>> = {
  'WireGuard was taken down': ({ api }) => api.setRunning(false),
  'WireGuard was taken down and up': async ({ api }) => {
    await api.setRunning(false);
    await api.setRunning(true);
  },
  'a join again began': (tunnel) => tunnel.suspect(),
};

describe('a node that leaves while it is being renewed', { skip }, () => {
  let lab: Lab;
  let nodes = 0;

  before(async () => {
    lab = await startLab();
  });
  after(() => lab?.stop());

  for (const [what, change] of Object.entries(changes)) {
    for (const afterMs of [0, 10, 20, 30, 40, 60, 90, 130]) {
      test(`stays away when SHUTDOWN comes ${afterMs} ms after ${what}`, async () => {
        const tunnel = await joined();
        await change(tunnel);
        await pause(afterMs);
        await tunnel.leave(leaveMs);
        await pause(arrivedMs);
        await lab.waitForNodes([], 1);
      });
    }
  }

  async function joined(): Promise<Tunnel> {
    nodes += 1;
    const { key } = await lab.headscale.createKey();
    const settings = readEnvironment({ ...lab.tunnelEnv, POSTERN_TAILNET_HOSTNAME: 'leaver' }).tailnet;
    const daemon = new Tailscaled({
      binary: lab.products.tailscaled,
      directory: join(runFolder, `leaver${nodes}`),
      socksPort: settings.socksPort,
      env: daemonEnvironment({ ...process.env, SSL_CERT_FILE: lab.pki.authority }, join(runFolder, 'none')),
      clock: systemClock,
    });
    const tunnel = new Tunnel({
      daemon,
      clock: systemClock,
      settings: { ...settings, staysInTailnet: false, words },
      keys: { oneOff: false, read: async () => key },
      log: silent,
    });
    await tunnel.join(60_000);
    return tunnel;
  }
});

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
