import assert from 'node:assert/strict';
import http from 'node:http';
import { type TestContext, test } from 'node:test';
import { type CallError, call } from '../../../base/http/call.ts';
import { callWithRetries, type RetryPolicy, retryAfterMs } from '../../../base/http/retry.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { listen } from '../../tunnel/listen.ts';

type Reply = { readonly status: number; readonly retryAfter?: string } | 'hang up' | 'silence';

interface Outcome {
  readonly status: number | undefined;
  readonly error: CallError | undefined;
  readonly calls: number;
  readonly tookMs: number;
}

/** A server that answers its calls in this order, the last one again and again. */
async function send(
  t: TestContext,
  replies: readonly Reply[],
  policy: Partial<RetryPolicy> = {},
  withinMs = Infinity,
): Promise<Outcome> {
  const clock = new VirtualClock();
  let calls = 0;
  const server = http.createServer((request, response) => {
    const reply = replies[Math.min(calls, replies.length - 1)] ?? 'silence';
    calls += 1;
    if (reply === 'silence') return;
    if (reply === 'hang up') return void request.socket.destroy();
    const { status, retryAfter } = reply;
    response.setHeader('date', new Date(clock.now()).toUTCString());
    response.writeHead(status, retryAfter === undefined ? {} : { 'retry-after': retryAfter }).end();
  });
  const to = new URL(`http://127.0.0.1:${await listen(server)}`);
  if (replies.length === 0) server.close();
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  let attempts = 0;
  const calling = callWithRetries(
    (timeoutMs) => {
      attempts += 1;
      return call({ to, method: 'POST', path: '/', timeoutMs, clock });
    },
    { ...plain, leftMs: () => withinMs - clock.monotonic(), clock, ...policy },
  );
  const [status, error] = await clock.run(
    calling.then(
      (answer) => [answer.status, undefined] as const,
      (failure: CallError) => [undefined, failure] as const,
    ),
  );
  return { status, error, calls: replies.length === 0 ? attempts : calls, tookMs: clock.monotonic() };
}

const plain = { pausesMs: [100, 400], attemptMs: 1_000, repeatable: true };

const again: readonly (readonly [what: string, reply: Reply, tookMs: number])[] = [
  ['no answer at all', 'hang up', 100],
  ['no answer in time', 'silence', 1_100],
  ['an error of the server', { status: 503 }, 100],
  ['an error of the server that names a time', { status: 503, retryAfter: '2' }, 2_000],
  ['a limit of the server', { status: 429 }, 100],
  ['a limit of the server that names a time', { status: 429, retryAfter: '7' }, 7_000],
];
for (const [what, reply, tookMs] of again) {
  test(`after ${what} a call that may be carried out twice is sent again, in ${tookMs} ms`, async (t) => {
    const { status, calls, tookMs: took } = await send(t, [reply, { status: 200 }]);
    assert.deepEqual([status, calls, took], [200, 2, tookMs]);
  });
}

const once: readonly (readonly [what: string, reply: Reply, calls: number])[] = [
  ['no answer at all', 'hang up', 1],
  ['no answer in time', 'silence', 1],
  ['an error of the server', { status: 500 }, 1],
  ['a limit of the server, which carried nothing out', { status: 429 }, 3],
];
for (const [what, reply, expected] of once) {
  test(`after ${what} a call that may not be carried out twice is sent ${expected} times in all`, async (t) => {
    const { calls } = await send(t, [reply], { repeatable: false });
    assert.equal(calls, expected);
  });
}

test('a call that no connection was made for is sent three times, whatever it does', async (t) => {
  const { error, calls, tookMs } = await send(t, [], { repeatable: false });
  assert.deepEqual([error?.code, error?.unsent, calls, tookMs], ['ECONNREFUSED', true, 3, 500]);
});

test('the last answer is given, and so is the last error', async (t) => {
  assert.deepEqual((await send(t, [{ status: 500 }, { status: 502 }, { status: 503 }])).status, 503);
  assert.equal((await send(t, [{ status: 500 }, { status: 502 }, 'hang up'])).error?.code, 'ECONNRESET');
});

test('nothing is waited for that the time does not suffice for', async (t) => {
  for (const [retryAfter, calls, tookMs] of [
    ['2', 2, 2_000],
    ['3', 1, 0],
    ['99999999999999999999', 1, 0],
  ] as const) {
    const replies = [{ status: 429, retryAfter }, { status: 200 }];
    const outcome = await send(t, replies, { leastMs: 500 }, 3_000);
    assert.deepEqual([outcome.calls, outcome.tookMs], [calls, tookMs], retryAfter);
  }
});

test('without a time of its own an attempt gets its share of all, so that all fit', async () => {
  const { attemptMs: _, ...shared } = plain;
  for (const [withinMs, calls] of [
    [1_000, 1],
    [6_000, 3],
  ] as const) {
    const clock = new VirtualClock();
    const limits: number[] = [];
    const policy = { ...shared, leftMs: () => withinMs - clock.monotonic(), clock };
    const silence = async (timeoutMs: number) => {
      limits.push(timeoutMs);
      await clock.sleep(timeoutMs);
      throw new Error('no answer');
    };
    await assert.rejects(clock.run(callWithRetries(silence, policy)), /no answer/);
    assert.deepEqual([limits.length, clock.monotonic()], [calls, withinMs]);
  }
});

test('without any time nothing is sent', async (t) => {
  const { error, calls } = await send(t, [{ status: 200 }], {}, 0);
  assert.deepEqual([error?.message, error?.unsent, calls], ['no time was left', true, 0]);
});

test('a date to wait until is compared with the clock of the server, or else with ours', () => {
  const nowMs = Date.UTC(2030, 0, 1);
  const date = new Date(nowMs - 60_000).toUTCString();
  const until = new Date(nowMs - 50_000).toUTCString();
  const wait = (headers: Record<string, string>) => retryAfterMs({ status: 429, headers, body: '' }, nowMs);
  assert.equal(wait({ 'retry-after': until, date }), 10_000);
  assert.equal(wait({ 'retry-after': new Date(nowMs + 5_000).toUTCString() }), 5_000);
  assert.equal(wait({ 'retry-after': until }), 0);
  assert.equal(wait({ 'retry-after': 'soon' }), undefined);
  assert.equal(wait({}), undefined);
});
