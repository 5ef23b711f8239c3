import assert from 'node:assert/strict';
import test from 'node:test';
import type { Hooks } from '../../../gateway/plugin/plugin.ts';
import { gatewayWith, instance, request, send } from '../../support/gateway.ts';

const connectionFields = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];
for (const name of connectionFields) {
  test(`no plugin sets a header that belongs to the connection, in a reply or in an answer: ${name}`, async () => {
    for (const spelt of [name, name.toUpperCase()]) {
      const headers = [spelt, 'x'];
      const hooks: readonly Hooks[] = [
        { access: () => ({ kind: 'refuse', code: 'a:b', status: 403, title: 't', headers }) },
        { access: () => ({ kind: 'answer', code: 'a:b', status: 200, headers }) },
        { answer: (_exchange, answer) => void answer.headers.push(...headers) },
      ];
      for (const one of hooks) {
        const answer = await send(
          gatewayWith({ instances: [instance('x', 1, one, 'restricts')] }),
          request(),
        );
        assert.equal(answer.status, 500, `${spelt} ${Object.keys(one)}`);
        assert.ok(!answer.headers.includes(spelt));
      }
    }
  });
}
