import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { gatewayRefusals } from '../../../gateway/answer/refusal.ts';
import { answer, next, type Verdict } from '../../../gateway/answer/verdict.ts';
import type { FinishedRequest } from '../../../gateway/observe/finished-request.ts';
import type { AnswerHead, Hooks } from '../../../gateway/plugin/plugin.ts';
import { BytesBody } from '../../../gateway/request/body.ts';
import type { Exchange } from '../../../gateway/request/exchange.ts';
import { editableHeader } from '../../../gateway/request/upstream-edits.ts';
import type { Upstream } from '../../../gateway/upstream/upstream.ts';
import {
  type Collected,
  gatewayWith,
  instance,
  ok,
  request,
  send,
  upstreamOf,
} from '../../support/gateway.ts';

const long = upstreamOf((receiver) => {
  receiver.head(201, [
    'content-length',
    '5',
    'content-encoding',
    'x',
    'set-cookie',
    'a=1',
    'set-cookie',
    'b=2',
  ]);
  receiver.data(Buffer.from('he'));
  receiver.data(Buffer.from('llo'));
  receiver.end();
});

const responds = [
  ['full', 201, 'hello', ['a=1', 'b=2']],
  ['headers', 201, '', ['a=1', 'b=2']],
  ['status', 201, '', []],
  ['none', 204, '', []],
] as const;
for (const [respond, status, body, cookies] of responds) {
  test(`respond: ${respond} sends back status ${status}, ${cookies.length} cookies and ${body.length} bytes`, async () => {
    const answer = await send(gatewayWith({ upstream: long, proxy: { respond } }), request());
    assert.equal(answer.status, status);
    assert.equal(answer.body, body);
    assert.deepEqual(
      answer.headers.filter((_, at) => at % 2 === 1 && answer.headers[at - 1] === 'set-cookie'),
      cookies,
    );
    assert.ok(answer.headers.includes('x-request-id'));
  });
}

test('every answer carries the id of the request, the one that the platform gave', async () => {
  const answer = await send(gatewayWith({}), request({ id: 'platform-id' }));
  assert.equal(answer.headers[answer.headers.indexOf('x-request-id') + 1], 'platform-id');
});

/** Lets mocked time pass until the deadline, which the answer must wait for. */
async function atDeadline<T>(t: TestContext, deadlineMs: number, begin: () => Promise<T>): Promise<T> {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  let over = false;
  const answer = begin().finally(() => {
    over = true;
  });
  t.mock.timers.tick(deadlineMs - 1);
  await new Promise(setImmediate);
  assert.equal(over, false);
  t.mock.timers.tick(1);
  return answer;
}

test('an answer that does not begin before the deadline is a 504', async (t) => {
  const gateway = gatewayWith({ upstream: upstreamOf(() => {}, 20_000) });
  const answer = await atDeadline(t, 20_000, () => send(gateway, request()));
  assert.equal(answer.status, 504);
  assert.equal(JSON.parse(answer.body).code, 'upstream:timeout');
});

test('the deadline of the platform counts when it is nearer', async (t) => {
  const gateway = gatewayWith({ upstream: upstreamOf(() => {}, 60_000) });
  const answer = await atDeadline(t, 5_000, () => send(gateway, request({ deadlineMs: Date.now() + 5_000 })));
  assert.equal(answer.status, 504);
});

test('a plugin that never answers ends at the deadline too', async (t) => {
  const stuck: Hooks = { access: () => new Promise(() => {}) };
  const gateway = gatewayWith({ instances: [instance('stuck', 1, stuck)], upstream: upstreamOf(ok, 20_000) });
  const answer = await atDeadline(t, 20_000, () => send(gateway, request()));
  assert.equal(answer.status, 504);
});

test('an answer that breaks off is never ended as if it were whole', async () => {
  const upstream = upstreamOf((receiver) => {
    receiver.head(200, ['content-length', '10']);
    receiver.data(Buffer.from('half'));
    receiver.fail({ kind: 'refuse', code: 'upstream:reset', status: 502, title: 'reset' });
  });
  const answer = await send(gatewayWith({ upstream }), request());
  assert.equal(answer.status, 200);
  assert.match(answer.aborted ?? '', /upstream:reset/);
});

test("plugins see and change the head of an answer, the gateway's own too", async () => {
  const hooks = (verdict: Verdict): Hooks => ({
    access: () => verdict,
    answer: (_x, answer) => {
      answer.headers.push('x-added', String(answer.status));
    },
  });
  const through = (verdict: Verdict) =>
    send(gatewayWith({ upstream: long, instances: [instance('change', 1, hooks(verdict))] }), request());
  const added = ({ headers }: Collected) => headers[headers.indexOf('x-added') + 1];
  const proxied = await through(next);
  assert.deepEqual([proxied.body, added(proxied)], ['hello', '201']);
  const refused = await through({ kind: 'refuse', code: 'a:b', status: 403, title: 'no' });
  assert.deepEqual([refused.status, added(refused)], [403, '403']);
  const answered = await through(answer('a:b', 200, { body: Buffer.from('mine') }));
  assert.deepEqual([answered.body, added(answered)], ['mine', '200']);
});

test('the plugins of a consumer see the answers to it, those of the route the others', async () => {
  const adds = (name: string) =>
    instance(name, 1, { answer: (_x, { headers }) => void headers.push('x-by', name) });
  const gateway = gatewayWith({
    instances: [adds('route')],
    consumers: [{ id: 'c', matches: (x) => x.head.path === '/c', instances: [adds('consumer')] }],
  });
  const by = async (target: string) => {
    const { headers } = await send(gateway, request({ target }));
    return headers.filter((_, at) => headers[at - 1] === 'x-by').toSorted();
  };
  assert.deepEqual([await by('/c'), await by('/d')], [['consumer', 'route'], ['route']]);
});

test('an error in an answer hook is a 500, and that answer passes through no hook', async () => {
  for (const verdict of [next, { kind: 'refuse', code: 'a:b', status: 403, title: 'no' }] as const) {
    let calls = 0;
    const gateway = gatewayWith({
      instances: [
        instance('x', 1, {
          access: () => verdict,
          answer: () => {
            calls += 1;
            throw new Error('broken');
          },
        }),
      ],
    });
    const { status, body } = await send(gateway, request());
    assert.deepEqual([status, JSON.parse(body).code, calls], [500, 'gateway:error', 1]);
  }
});

test('the record of a request tells the bytes that were sent', async () => {
  const records: FinishedRequest[] = [];
  assert.equal(
    (await send(gatewayWith({ finished: (record) => records.push(record) }), request())).body,
    'ok',
  );
  assert.deepEqual([records.length, records[0]?.sentBytes, records[0]?.status], [1, 2, 200]);
});

test('a refusal of the head needs no route and is logged', async () => {
  const records: FinishedRequest[] = [];
  const gateway = gatewayWith({ finished: (record) => records.push(record) });
  for (const [overrides, code] of [
    [{ target: '/a/../b' }, 'path:dot-segment'],
    [{ headers: [] }, 'gateway:bad-host'],
    [{ headers: ['host', 'a', 'host', 'b'] }, 'gateway:bad-host'],
    [{ headers: ['host', 'a/b'] }, 'gateway:bad-host'],
    [{ headers: ['host', 'user@a'] }, 'gateway:bad-host'],
  ] as const) {
    assert.equal(JSON.parse((await send(gateway, request(overrides))).body).code, code);
  }
  assert.equal(records.length, 5);
  assert.ok(records.every(({ exchange }) => exchange === undefined));
});

test('the body limit holds where no plugin sets one: 10 MiB', async () => {
  const answer = await send(gatewayWith({}), request({ bytes: 'x'.repeat(10 * 1024 * 1024 + 1) }));
  assert.equal(answer.status, 413);
});

test('deciding runs the plugins and sends nothing', async () => {
  const gateway = gatewayWith({ upstream: upstreamOf(() => assert.fail('the target was called')) });
  const decision = await gateway.decide(request());
  assert.equal(decision.reply, undefined);
  assert.equal(decision.exchange?.head.path, '/hooks');
});

const decidesLate: Hooks = {
  access: async () => {
    await new Promise(setImmediate);
    return next;
  },
};
const decidesAtOnce: Hooks = { access: () => next };
const broken = (): never => {
  throw new Error('broken');
};
/** The deadline is so far away that a test in which nobody answers fails by never ending. */
const forwarding = (forward: Upstream['forward']): Upstream => ({ ...upstreamOf(ok, 3_600_000), forward });
/** What calls back when nobody is there who could catch anything. */
const unawaited: Readonly<Record<string, Parameters<typeof gatewayWith>[0]>> = {
  'the upstream throws': { upstream: forwarding(broken) },
  'the target path throws': { proxy: { targetPath: broken } },
  'the answer hook throws': { instances: [instance('x', 1, { answer: broken })] },
};
for (const [what, options] of Object.entries(unawaited)) {
  for (const [when, hooks] of [
    ['at once', decidesAtOnce],
    ['late', decidesLate],
  ] as const) {
    test(`an exception without a handler is an error at once: ${what}, the verdict comes ${when}`, async (t) => {
      t.mock.timers.enable({ apis: ['setTimeout'] });
      const instances = [instance('first', 9, hooks), ...(options.instances ?? [])];
      const answer = await send(gatewayWith({ ...options, instances }), request());
      assert.deepEqual([answer.status, JSON.parse(answer.body).code], [500, 'gateway:error']);
    });
  }
}

test('a body that cannot be forwarded is an error at once', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const body = Object.assign(new BytesBody(Buffer.from('x')), { forward: broken });
  const gateway = gatewayWith({ instances: [instance('late', 1, decidesLate)] });
  assert.equal((await send(gateway, request({ body }))).status, 500);
});

for (const moment of ['head', 'data', 'end', 'informational'] as const) {
  test(`a host that takes no ${moment} ends the request at once, and the target's call with it`, async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    let aborted = 0;
    const upstream = forwarding((_call, receiver) => {
      setImmediate(() => {
        receiver.informational(103, ['link', 'x']);
        ok(receiver);
      });
      return {
        resume() {},
        abort() {
          aborted += 1;
        },
      };
    });
    let finished: (record: FinishedRequest) => void = () => {};
    const over = new Promise<FinishedRequest>((resolve) => {
      finished = resolve;
    });
    const gateway = gatewayWith({ upstream, finished, instances: [instance('late', 1, decidesLate)] });
    let calls = 0;
    const sink = { informational() {}, head() {}, data: () => true, end() {}, abort() {} };
    gateway.handle(request(), {
      ...sink,
      [moment]() {
        calls += 1;
        if (calls === 1) broken();
        return true;
      },
    });
    const record = await over;
    assert.ok(record.reply?.code === 'gateway:error' || record.brokenOff?.includes('gateway:error: broken'));
    assert.ok(moment === 'end' || aborted > 0);
  });
}

test('a host that takes nothing at all, not even the error, ends the request too', async () => {
  const records: FinishedRequest[] = [];
  const gateway = gatewayWith({ finished: (record) => records.push(record) });
  const sink = { head: broken, data: broken, end: broken, abort: broken };
  gateway.handle(request(), sink);
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  assert.equal(records.length, 1);
});

const heads: readonly (readonly [what: string, change: (answer: AnswerHead) => unknown])[] = [
  ['a status below 200', (answer) => void Object.assign(answer, { status: 101 })],
  ['a status above 599', (answer) => void Object.assign(answer, { status: 1_000 })],
  ['a status that is a text', (answer) => void Object.assign(answer, { status: '200' })],
  ['a line break in a value', (answer) => void answer.headers.push('x-a', 'b\r\nset-cookie: c=d')],
  ['a line feed in a value', (answer) => void answer.headers.push('x-a', 'b\nc')],
  ['a null byte in a value', (answer) => void answer.headers.push('x-a', '\0')],
  ['a character beyond latin1', (answer) => void answer.headers.push('x-a', '\u20ac')],
  ['a blank in a name', (answer) => void answer.headers.push('x a', 'b')],
  ['an empty name', (answer) => void answer.headers.push('', 'b')],
  ['a line break in a name', (answer) => void answer.headers.push('x\r\ny', 'b')],
  ['a name without a value', (answer) => void answer.headers.push('x-a')],
  ['a value that is no text', (answer) => void answer.headers.push('x-a', 7 as never)],
  ['no headers at all', (answer) => void Object.assign(answer, { headers: undefined })],
  ['a map of headers', (answer) => void Object.assign(answer, { headers: { 'x-a': 'b' } })],
  ['its own framing', (answer) => void answer.headers.push('Transfer-Encoding', 'chunked')],
  ['a header of the connection', (answer) => void answer.headers.push('connection', 'close')],
  ['another length', (answer) => void answer.headers.push('Content-Length', '1')],
  ['a promise', async () => {}],
  ['a promise that rejects', async () => broken()],
  ['a value', () => 'done'],
];
for (const [what, change] of heads) {
  test(`a plugin that leaves ${what} in the head of an answer gets a 500, and no part of it is sent`, async () => {
    const hook = (_x: unknown, head: AnswerHead) => change(head) as undefined;
    const answer = await send(gatewayWith({ instances: [instance('x', 1, { answer: hook })] }), request());
    assert.deepEqual([answer.status, JSON.parse(answer.body).code], [500, 'gateway:error']);
    assert.ok(!JSON.stringify(answer.headers).includes('x-a'));
  });
}

test('a plugin may take the length away and change the status; a status without a body has none', async () => {
  const hook = (_x: unknown, answer: AnswerHead) => {
    answer.status = 204;
    answer.headers = answer.headers.filter(
      (_, at) => !/^content-length$/i.test(answer.headers[at - (at % 2)] ?? ''),
    );
  };
  const answer = await send(gatewayWith({ instances: [instance('x', 1, { answer: hook })] }), request());
  assert.deepEqual([answer.status, answer.body], [204, '']);
});

test('a plugin that adds a malformed header for the target refuses as its own fault', async () => {
  for (const [name, value] of [
    ['x-a', 'b\r\nc: d'],
    ['x a', 'b'],
    ['x-a', undefined],
  ] as const) {
    const access: Hooks['access'] = (x) => {
      x.toUpstream.set(editableHeader(name), value as string);
      return next;
    };
    const answer = await send(gatewayWith({ instances: [instance('x', 1, { access })] }), request());
    assert.equal(JSON.parse(answer.body).code, 'gateway:error');
  }
});

test('a plugin that still decides learns that its decision no longer matters: the client left, or has its answer', () => {
  const exchanges: Exchange[] = [];
  const never: Hooks = {
    access(exchange) {
      exchanges.push(exchange);
      return new Promise(() => {});
    },
  };
  const gateway = gatewayWith({ instances: [instance('never', 1, never)] });
  const sink = { head() {}, data: () => true, end() {}, abort() {} };
  const [left, refused, waits] = [1, 2, 3].map(() => gateway.handle(request(), sink));
  left?.cancel();
  refused?.refuse(gatewayRefusals.error());
  assert.deepEqual(
    exchanges.map(({ isOver }) => isOver),
    [true, true, false],
  );
  waits?.cancel();
});
