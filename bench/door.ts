import { redact } from '../base/redact.ts';
import { loadProviders } from '../gateway/providers/index.ts';
import type { Claim } from '../gateway/providers/provider.ts';
import { canonicalize } from '../gateway/request/path.ts';
import { createRouter } from '../gateway/routing/router.ts';
import { type Bench, type Figure, percentile, round } from './runner.ts';

const rounds = 11;
/** CPU time is counted in steps of some milliseconds. */
const repeats = 100;
const targetBytes = 16_300;
const bodyBytes = 10 * 1024 * 1024;

/** What one client without credentials can cost, measured with the most expensive inputs. */
export const doorBench: Bench = {
  name: 'door',
  about: 'CPU of the main thread for what a client without credentials sends: targets, heads, large bodies',
  missing: () => undefined,
  async run() {
    return {
      method: `Median of ${rounds} rounds, CPU time of the main thread for ${repeats} times, divided by it, after one round that does not count. The longest turn is the CPU time of the dearest turn of the event loop.`,
      figures: [...routing(), ...redaction(), ...(await webhooks())],
    };
  },
};

function routing(): readonly Figure[] {
  const entries = Array.from({ length: 200 }, (_, at) => ({
    value: at,
    match: { hosts: [], path: `/${'p/'.repeat(at % 40)}r${at}/*`, methods: [] },
  }));
  const router = createRouter(entries);
  const targets: Readonly<Record<string, string>> = {
    'slashes alone': '/'.repeat(targetBytes),
    '256 segments, then one long one': '/a'.repeat(255) + 'a'.repeat(targetBytes - 510),
    '%2f': `/${'%2f'.repeat(targetBytes / 3)}`,
    '%41': `/${'%41'.repeat(targetBytes / 3)}`,
    ';': `/${';'.repeat(targetBytes)}`,
    '%e2%82%ac': `/${'%e2%82%ac'.repeat(targetBytes / 9)}`,
  };
  return Object.entries(targets).map(([name, target]) => ({
    name: `route a target of 16 KB: ${name}`,
    value: medianMs(() => {
      const found = canonicalize(target);
      if (!('kind' in found)) router.find('h', found.path, 'GET');
    }),
    unit: 'ms',
    goal: '<= 2',
  }));
}

function redaction(): readonly Figure[] {
  return [1, 2, 4].map((factor) => ({
    name: `redact ${factor * 25} KB of eyJ-`,
    value: medianMs(() => void redact('eyJ-'.repeat(factor * 6_250))),
    unit: 'ms',
  }));
}

async function webhooks(): Promise<readonly Figure[]> {
  const [standard] = await loadProviders((name) => name === 'standard-webhooks');
  if (standard === undefined) throw new Error('there is no provider standard-webhooks');
  const base64 = (seed: number) => Buffer.alloc(32, seed).toString('base64');
  const reader = (...secrets: readonly string[]) =>
    standard.create(
      {},
      secrets.map((text) => ({ reference: 'bench', bytes: Buffer.from(text) })),
      () => {},
    );
  const body = Buffer.alloc(bodyBytes, 'x');
  const headers = (signatures: number, signature: string, time: string) => [
    'webhook-id',
    'msg_1',
    'webhook-timestamp',
    time,
    'webhook-signature',
    Array(signatures).fill(signature).join(' '),
  ];
  const v1 = `v1,${'A'.repeat(43)}=`;
  const v1a = `v1a,${'A'.repeat(86)}==`;
  const publicKey = `whpk_${Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex').toString('base64')}`;
  const figures: Figure[] = [];
  const readOdd = reader(publicKey);
  figures.push({
    name: 'refuse 16 signatures of Ed25519 with the time 0, body of any size',
    value: medianMs(() => {
      try {
        readOdd(headers(16, v1a, '0'));
      } catch {
        // That is the refusal.
      }
    }),
    unit: 'ms',
    goal: '<= 1',
  });
  for (const [name, read, head] of [
    ['one secret', reader(`whsec_${base64(1)}`), headers(8, v1, '1900000000')],
    [
      'four secrets',
      reader(...[1, 2, 3, 4].map((seed) => `whsec_${base64(seed)}`)),
      headers(8, v1, '1900000000'),
    ],
    ['Ed25519, four tries', readOdd, headers(4, v1a, '1900000000')],
  ] as const) {
    const turns: number[] = [];
    for (let count = 0; count <= rounds; count += 1) {
      const longestMs = await longestTurnMs(() => (read(head) as Claim).isSigned(body, () => false));
      if (count > 0) turns.push(longestMs);
    }
    figures.push({
      name: `wrong signature over 10 MiB, ${name}: the longest turn`,
      value: median(turns),
      unit: 'ms',
      goal: '<= 10',
    });
  }
  return figures;
}

async function longestTurnMs(work: () => unknown): Promise<number> {
  let last = cpuMs();
  let longestMs = 0;
  function turn(): void {
    const now = cpuMs();
    longestMs = Math.max(longestMs, now - last);
    last = now;
  }
  let next = setImmediate(function count() {
    turn();
    next = setImmediate(count);
  });
  await work();
  turn();
  clearImmediate(next);
  return longestMs;
}

function medianMs(work: () => void): number {
  work();
  const times = Array.from({ length: rounds }, () => {
    const before = cpuMs();
    for (let count = 0; count < repeats; count += 1) work();
    return (cpuMs() - before) / repeats;
  });
  return median(times);
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

const median = (values: readonly number[]) => round(percentile(values, 0.5));
