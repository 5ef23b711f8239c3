import type { TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { HostWords, TunnelSettings } from '../../tunnel/settings.ts';
import { Tunnel } from '../../tunnel/tunnel.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { FakeTailscaled } from './fake-tailscaled.ts';

export interface TunnelLab {
  readonly daemon: FakeTailscaled;
  readonly tunnel: Tunnel;
  /** What everything sleeps by, the daemon too. */
  readonly clock: VirtualClock;
  /** Lets as much time pass as the work waits for. */
  run<T>(work: Promise<T>): Promise<T>;
  /** Lets time pass until something has come about. */
  until(holds: () => boolean): Promise<void>;
  /** Events of the log, with their fields. */
  readonly logged: { readonly event: string; readonly fields: Readonly<Record<string, unknown>> }[];
  /** Lets wall-clock time pass without any timer, as a freeze does. */
  freeze(ms: number): void;
  /** The keys that the secret holds, one a reading; the last one stays. */
  keys: string[];
  keyReads: number;
}

export const words: HostWords = {
  tags: 'the tags',
  targets: 'the targets',
  unreachable: 'Check the way out.',
};

const settings: TunnelSettings = {
  controlUrl: 'https://control.example',
  hostname: 'fn',
  tags: [],
  targets: ['target'],
  joinTimeoutMs: 2_000,
  staysInTailnet: false,
  words,
};

/** A tunnel over a fake daemon, by a virtual clock. */
export function tunnelLab(t: TestContext, more: Partial<TunnelSettings> = {}, oneOff = false): TunnelLab {
  const clock = new VirtualClock();
  const daemon = new FakeTailscaled(clock);
  const logged: TunnelLab['logged'] = [];
  const record = (event: string, fields = {}) => void logged.push({ event, fields });
  const lab: TunnelLab = {
    daemon,
    clock,
    logged,
    run: (work) => clock.run(work),
    until: (holds) => clock.run(come(holds)),
    keys: ['tskey-auth-first'],
    keyReads: 0,
    freeze: (ms) => clock.freeze(ms),
    tunnel: new Tunnel({
      daemon,
      settings: { ...settings, ...more },
      log: { info: record, warn: record, error: record },
      clock,
      keys: {
        oneOff,
        read: async () => {
          lab.keyReads += 1;
          return (lab.keys.length > 1 ? lab.keys.shift() : lab.keys[0]) ?? '';
        },
      },
    }),
  };
  t.after(async () => {
    await clock.run(lab.tunnel.leave(500));
    daemon.remove();
  });
  return lab;
}

async function come(holds: () => boolean): Promise<void> {
  while (!holds()) await turn();
}
