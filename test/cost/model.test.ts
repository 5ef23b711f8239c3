import assert from 'node:assert/strict';
import test from 'node:test';
import {
  authorizerAsked,
  billedMs,
  type Inputs,
  lambdaUsdPerMillion,
  monthOf,
  priced,
} from '../../cost/model.ts';
import { deployment, exact, inputs } from './inputs.ts';

type Changed = Partial<Inputs['assumptions']> & Partial<Inputs['deployment']>;

function changed(change: Changed): Inputs {
  return { ...inputs, assumptions: { ...exact, ...change }, deployment: { ...deployment, ...change } };
}

function close(got: number, wanted: number, what: string): void {
  assert.ok(Math.abs(got - wanted) < 1e-9 * Math.max(1, Math.abs(wanted)), `${what}: ${got}, not ${wanted}`);
}

/** Reckoned by hand from the figures in inputs.ts. */
const quantities: readonly (readonly [line: string, change: Changed, quantity: number])[] = [
  ['HTTP API, requests', {}, 1e6],
  ['Forwarder, requests', { requests: 5e5 }, 5e5],
  // 1 M × 40 ms × 0.25 GB
  ['Forwarder, working (measured)', {}, 10_000],
  // 1 M × 20 ms × 0.5 GB
  ['Forwarder, working (measured)', { forwarderMb: 512 }, 10_000],
  // 1 M × 60 ms × 0.25 GB
  ['Forwarder, waiting for the target', {}, 15_000],
  ['Forwarder, waiting for the target', { forwarderMb: 1_024 }, 60_000],
  // 10,000 cold × 200 ms × 0.25 GB
  ['Forwarder, init of cold starts', {}, 500],
  ['Forwarder, init of cold starts', { coldShare: 0 }, 0],
  // 10,000 cold × 100 ms more × 0.25 GB
  ['Forwarder, first requests, what they take longer', {}, 250],
  // 720 h × 12 windows × 10 addresses
  ['Authorizer, requests', {}, 86_400],
  ['Authorizer, requests', { sources: 1_000 }, 1e6],
  ['Authorizer, requests', { authorizerTtlSeconds: 0 }, 1e6],
  ['Authorizer, requests', { authorizerTtlSeconds: 3_600 }, 7_200],
  // 86,400 × 10 ms × 0.25 GB, and of 864 cold ones 50 ms more
  ['Authorizer, duration with init', {}, 216 + 10.8],
  ['Secrets Manager, calls at cold starts', {}, 20_000],
  ['Data out, to the target', {}, 2],
  ['Data out, to the clients', {}, 1],
  // 1 M × 500 bytes, 86,400 × 500 bytes; and an event of 26 bytes for each of 10,864 starts
  ['Logs of the functions, taken in', {}, 0.5 + 0.0432 + 10_864 * 26e-9],
  ['Access log, taken in', {}, 0.4],
  // Three months of all of it
  ['Logs, kept 90 days', { coldShare: 0 }, 3 * 0.9432],
  ['Secrets', {}, 3],
  // Half a rotation a month, and thirty daily looks
  ['Rotation, calls of Secrets Manager', {}, 20 + 90],
  ['Rotation, requests', {}, 32],
  ['Rotation, duration', {}, 8],
  ['Metrics in the functions’ log lines', {}, 3],
  ['Metrics of the API a route', {}, 6],
  ['Alarms', {}, 12],
  ['Dashboard', {}, 1],
];

for (const [line, change, quantity] of quantities) {
  test(`${line} comes to ${quantity} with ${JSON.stringify(change)}`, () => {
    const found = monthOf(changed(change)).lines.find(({ what }) => what === line);
    close(found?.quantity ?? Number.NaN, quantity, line);
  });
}

test('every line of the month is in the table of quantities', () => {
  const lines = monthOf(inputs).lines.map(({ what }) => what);
  const known = new Set(quantities.map(([line]) => line));
  assert.deepEqual(
    lines.filter((line) => !known.has(line)),
    [],
  );
});

test('a quantity costs its price for each unit of it', () => {
  const [requests, duration, calls] = priced(
    [
      { what: 'a', grows: true, quantity: 2_500_000, price: 'http-api-request' },
      { what: 'b', grows: true, quantity: 100_000, price: 'lambda-arm64' },
      { what: 'c', grows: true, quantity: 20_000, price: 'secret-call' },
    ],
    {},
  );
  close(requests?.usd ?? 0, 2.5, 'requests');
  close(duration?.usd ?? 0, 1.33334, 'duration');
  close(calls?.usd ?? 0, 0.1, 'calls');
});

test('lines that share an allowance share it once, the first line first', () => {
  const logs = {
    what: 'logs',
    amount: 5,
    unit: 'GB',
    prices: ['logs-ingest', 'logs-store'],
    source: 'cloudwatch-page',
  };
  const lines = priced(
    [
      { what: 'taken in', grows: true, quantity: 4, price: 'logs-ingest' },
      { what: 'kept', grows: true, quantity: 3, price: 'logs-store' },
      { what: 'requests', grows: true, quantity: 1e6, price: 'lambda-request' },
    ],
    { logs: logs as never },
  );
  assert.deepEqual(
    lines.map(({ usd, afterAllowancesUsd }) =>
      [usd, afterAllowancesUsd].map((value) => Number(value.toFixed(6))),
    ),
    [
      [2, 0],
      [0.09, 0.06],
      [0.2, 0.2],
    ],
  );
});

test('the month is the sum of its lines, and its share for a million that of the growing ones', () => {
  const { lines, usd, perMillionUsd } = monthOf(changed({ requests: 2e6 }));
  const sum = (some: typeof lines): number => some.reduce((total, line) => total + line.usd, 0);
  close(usd, sum(lines), 'the month');
  close(perMillionUsd, sum(lines.filter(({ grows }) => grows)) / 2, 'for a million');
});

test('the authorizer is never asked more often than there are requests', () => {
  assert.equal(authorizerAsked(changed({ requests: 100, sources: 1e6 })), 100);
});

test('x86_64 costs its own price', () => {
  const usd = (architecture: 'arm64' | 'x86_64'): number =>
    monthOf(changed({ architecture })).lines.find(({ what }) => what.endsWith('(measured)'))?.usd ?? 0;
  close(usd('x86_64') / usd('arm64'), 0.0000166667 / 0.0000133334, 'the ratio');
});

test('a request is billed for its work and for the wait', () => {
  assert.equal(billedMs(inputs, 512), 80);
});

test('the curve counts Lambda alone, without allowances, for a million requests whatever the month has', () => {
  // $0.20, and 10,000 + 15,000 + 500 + 250 GB-seconds
  const wanted = 0.2 + 25_750 * 0.0000133334;
  close(lambdaUsdPerMillion(inputs, 256), wanted, 'a million');
  close(lambdaUsdPerMillion(changed({ requests: 10 }), 256), wanted, 'ten requests');
});

test('a size that was not measured has no price', () => {
  assert.throws(
    () => lambdaUsdPerMillion(inputs, 300),
    /300 MB was not measured; measured are 128, 256, 512, 1024/,
  );
});
