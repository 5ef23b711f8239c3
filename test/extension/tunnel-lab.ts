import type { TestContext } from 'node:test';
import { Tunnel } from '../../extension/tunnel.ts';
import { systemClock } from '../../gateway/clock.ts';
import type { TailnetEnvironment } from '../../gateway/environment.ts';
import type { Clock } from '../../gateway/plugin.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { FakeTailscaled } from './fake-tailscaled.ts';

export interface TunnelLab {
  readonly daemon: FakeTailscaled;
  readonly tunnel: Tunnel;
  /** Events of the log, with their fields. */
  readonly logged: { readonly event: string; readonly fields: Readonly<Record<string, unknown>> }[];
  /** Lets wall-clock time pass without any timer, as a freeze does. */
  freeze(ms: number): void;
  /** The keys that the secret holds, one a reading; the last one stays. */
  keys: string[];
  keyReads: number;
}

export const settings: TailnetEnvironment = {
  secretId: 'postern/key',
  identity: undefined,
  controlUrl: 'https://control.example',
  hostname: 'fn',
  tags: [],
  targets: ['target'],
  socksPort: 1055,
  readinessPort: 1056,
  joinTimeoutMs: 2_000,
};

/** A tunnel over a fake daemon, with a wall clock that can jump. */
export function tunnelLab(
  t: TestContext,
  more: Partial<TailnetEnvironment> = {},
  clock: Clock = systemClock,
): TunnelLab {
  const daemon = new FakeTailscaled(clock);
  let frozenMs = 0;
  const logged: TunnelLab['logged'] = [];
  const record = (event: string, fields = {}) => void logged.push({ event, fields });
  const lab: TunnelLab = {
    daemon,
    logged,
    keys: ['tskey-auth-first'],
    keyReads: 0,
    freeze: (ms) => {
      frozenMs += ms;
    },
    tunnel: new Tunnel({
      daemon,
      settings: { ...settings, ...more },
      log: { info: record, warn: record, error: record },
      clock: {
        now: () => clock.now() + frozenMs,
        monotonic: () => clock.monotonic(),
        sleep: (ms, signal) => clock.sleep(ms, signal),
      },
      keys: {
        oneOff: more.identity !== undefined,
        read: async () => {
          lab.keyReads += 1;
          return (lab.keys.length > 1 ? lab.keys.shift() : lab.keys[0]) ?? '';
        },
      },
    }),
  };
  t.after(async () => {
    const left = lab.tunnel.leave(500);
    if (clock instanceof VirtualClock) await clock.advance(60_000);
    await left;
    daemon.remove();
  });
  return lab;
}
