import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Clock, systemClock } from '../../base/clock.ts';
import { createForwarder } from '../../functions/forwarder/forwarder.ts';
import type { HttpApiAnswer } from '../../functions/payload.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { contextWith, httpApiEvent } from './events.ts';
import { listLog, scriptedGateway } from './gateways.ts';

function forwarderOf(gateway: Gateway | undefined, log = listLog().log, clock: Clock = systemClock) {
  return createForwarder({ gateway: async () => gateway, clock, log });
}

function problem(answer: HttpApiAnswer): { status: number; code: string; id: string } {
  assert.equal(answer.headers['content-type'], 'application/problem+json');
  return JSON.parse(Buffer.from(answer.body, 'base64').toString('utf8'));
}

test("an event goes to the target and the target's answer comes back", async () => {
  const { gateway, calls, finished } = scriptedGateway((receiver) => {
    receiver.head(201, ['Content-Type', 'text/plain', 'Set-Cookie', 'a=1']);
    receiver.data(Buffer.from('made'));
    receiver.end();
  });
  const event = httpApiEvent({ method: 'POST', body: 'aGVsbG8=', isBase64Encoded: true });
  const answer = await forwarderOf(gateway)(event, contextWith(5_000));
  assert.deepEqual(answer, {
    statusCode: 201,
    headers: { 'content-type': 'text/plain', 'x-request-id': 'ATfSmjLgPHcESJw=' },
    cookies: ['a=1'],
    body: Buffer.from('made').toString('base64'),
    isBase64Encoded: true,
  });
  assert.equal(Buffer.from(calls[0]?.body as Uint8Array).toString(), 'hello');
  assert.equal(finished[0]?.id, 'ATfSmjLgPHcESJw=');
});

test('an answer that is too large is refused, the call given up and the refusal logged', async () => {
  let sent = 0;
  const { gateway, finished, aborted } = scriptedGateway(function pour(receiver) {
    if (sent === 0) receiver.head(200, ['Content-Type', 'text/plain']);
    for (; sent < 100 && aborted.count === 0; sent += 1) receiver.data(new Uint8Array(100_000));
  });
  const answer = await forwarderOf(gateway)(httpApiEvent(), contextWith(5_000));
  assert.equal(answer.statusCode, 502);
  assert.deepEqual(problem(answer).code, 'upstream:answer-too-large');
  assert.equal(sent, 48);
  assert.equal(aborted.count, 1);
  assert.equal(finished.length, 1);
  assert.equal(finished[0]?.status, 502);
  assert.equal(finished[0]?.reply?.code, 'upstream:answer-too-large');
});

test('an answer that breaks off becomes a refusal', async () => {
  const { gateway, finished } = scriptedGateway((receiver) => {
    receiver.head(200, ['Content-Type', 'text/plain']);
    receiver.data(Buffer.from('half'));
    receiver.fail({
      kind: 'refuse',
      code: 'upstream:reset',
      status: 502,
      title: 't',
      detail: 'other side closed',
    });
  });
  const answer = await forwarderOf(gateway)(httpApiEvent(), contextWith(5_000));
  assert.equal(problem(answer).code, 'upstream:reset');
  assert.equal(answer.headers['content-type'], 'application/problem+json');
  assert.equal(finished.length, 1);
  assert.equal(finished[0]?.status, 502);
});

const silences: [name: string, head: boolean][] = [
  ['begin', false],
  ['end', true],
];
for (const [name, head] of silences) {
  test(`an answer that does not ${name} in the function's time is refused before Lambda ends the function`, async () => {
    const { gateway, aborted, finished } = scriptedGateway((receiver) => {
      if (head) receiver.head(200, ['Content-Type', 'text/event-stream']);
    });
    // The gateway has the machine's clock.
    const clock = new VirtualClock(Date.now());
    const forwarder = forwarderOf(gateway, listLog().log, clock);
    const answer = await clock.run(forwarder(httpApiEvent(), contextWith(30_000, clock)));
    assert.equal(answer.statusCode, 504);
    assert.equal(problem(answer).code, 'upstream:timeout');
    assert.equal(clock.monotonic(), 29_500);
    assert.equal(aborted.count, 1);
    assert.equal(finished.length, 1);
  });
}

test('a refusal of the gateway is problem details with the id of the request', async () => {
  const { gateway } = scriptedGateway(() => {});
  const answer = await forwarderOf(gateway)(httpApiEvent({ rawPath: '/elsewhere' }), contextWith(5_000));
  const { status, code, id } = problem(answer);
  assert.deepEqual({ status, code, id }, { status: 404, code: 'gateway:no-route', id: 'ATfSmjLgPHcESJw=' });
});

test('without a valid configuration each request gets 503 and a line in the log, and no bare error', async () => {
  const { log, lines } = listLog();
  const forwarder = forwarderOf(undefined, log);
  const answer = await forwarder(httpApiEvent(), contextWith(5_000));
  assert.equal(answer.statusCode, 503);
  assert.equal(problem(answer).code, 'gateway:misconfigured');
  assert.deepEqual(lines, [
    {
      level: 'error',
      event: 'request',
      fields: { id: 'ATfSmjLgPHcESJw=', status: 503, code: 'gateway:misconfigured' },
    },
  ]);
  const head = await forwarder(httpApiEvent({ method: 'HEAD' }), contextWith(5_000));
  assert.equal(head.body, '');
});
