import assert from 'node:assert/strict';
import test from 'node:test';
import type { BodyTransform, Hooks } from '../../../gateway/plugin/plugin.ts';
import { gatewayWith, instance, request, send, upstreamOf } from '../../support/gateway.ts';

const chunks = upstreamOf((receiver) => {
  receiver.head(200, []);
  for (const text of ['a', 'b', 'c']) receiver.data(Buffer.from(text));
  receiver.end();
});

/** Writes down what it is given, and gives on what `chunk` and `end` say. */
function transform(seen: string[], made: Partial<BodyTransform>): Hooks {
  return {
    responseBody: () => ({
      chunk(bytes) {
        seen.push(Buffer.from(bytes).toString());
        return made.chunk === undefined ? bytes : made.chunk(bytes);
      },
      ...(made.end && { end: made.end }),
    }),
  };
}

test('what one transform keeps back reaches no other, and comes through all that follow at the end', async () => {
  const held: string[] = [];
  const first: string[] = [];
  const second: string[] = [];
  const keeps = transform(first, {
    chunk: (bytes) => {
      held.push(Buffer.from(bytes).toString());
      return undefined;
    },
    end: () => Buffer.from(held.join('')),
  });
  const gateway = gatewayWith({
    upstream: chunks,
    instances: [
      instance('first', 2, keeps),
      instance('second', 1, transform(second, { end: () => Buffer.from('!') })),
    ],
  });
  const answer = await send(gateway, request());
  assert.deepEqual([first, second, answer.body], [['a', 'b', 'c'], ['abc'], 'abc!']);
});

test('transforms see nothing of a body that the client does not get from the target', async () => {
  for (const respond of ['headers', 'status', 'none'] as const) {
    const seen: string[] = [];
    const gateway = gatewayWith({
      upstream: chunks,
      route: { respond },
      instances: [instance('x', 1, transform(seen, { end: () => Buffer.from('!') }))],
    });
    const answer = await send(gateway, request());
    assert.deepEqual([seen, answer.body], [[], ''], respond);
  }
});

const connectionFields = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
];
for (const name of connectionFields) {
  test(`no plugin sets a header that belongs to the connection, in a reply or in an answer: ${name}`, async () => {
    for (const spelt of [name, name.toUpperCase()]) {
      const headers = [spelt, 'x'];
      const hooks: readonly Hooks[] = [
        { access: () => ({ kind: 'refuse', code: 'a:b', status: 403, title: 't', headers }) },
        { access: () => ({ kind: 'answer', code: 'a:b', status: 200, headers }) },
        { responseHeaders: (_exchange, answer) => void answer.headers.push(...headers) },
      ];
      for (const one of hooks) {
        const answer = await send(
          gatewayWith({ upstream: chunks, instances: [instance('x', 1, one, 'restricts')] }),
          request(),
        );
        assert.equal(answer.status, 500, `${spelt} ${Object.keys(one)}`);
        assert.ok(!answer.headers.includes(spelt));
      }
    }
  });
}
