import assert from 'node:assert/strict';
import test from 'node:test';
import { everything } from '../../../base/named.ts';
import { loadPlugins } from '../../../gateway/plugins/index.ts';
import { ArrivingBody } from '../../support/arriving-body.ts';
import { gatewayWith, request, send } from '../../support/gateway.ts';
import { exchangeOf } from '../expression/exchange.ts';
import { configure, judge } from './configured.ts';

const lists = {
  allow: ['192.0.2.0/24', '2001:db8::/32', '203.0.113.9'],
  deny: ['192.0.2.128/25', '2001:db8:bad::/48'],
};

const cases: readonly (readonly [options: object, ip: string, passes: boolean])[] = [
  [lists, '192.0.2.0', true],
  [lists, '192.0.2.127', true],
  [lists, '192.0.2.128', false],
  [lists, '192.0.3.0', false],
  [lists, '203.0.113.9', true],
  [lists, '203.0.113.8', false],
  [lists, '2001:db8::1', true],
  [lists, '2001:DB8:0:0:0:0:0:1', true],
  [lists, '2001:db8:bad::1', false],
  [lists, '2001:db9::1', false],
  [lists, '::ffff:c000:207', true],
  [lists, '::ffff:c000:2ff', false],
  [{ deny: ['192.0.2.0/24'] }, '198.51.100.1', true],
  [{ deny: ['192.0.2.0/24'] }, '192.0.2.1', false],
  [{ deny: ['192.0.2.0/24'] }, '::ffff:c000:201', false],
  [{ deny: ['192.0.2.0/24'] }, '2001:db8::1', true],
  [{ allow: ['0.0.0.0/0'] }, '2001:db8::1', false],
  [{ allow: ['0.0.0.0/0', '::/0'] }, '2001:db8::1', true],
  [{ allow: ['0.0.0.0/0', '::/0'] }, 'unknown', false],
  [{ deny: ['192.0.2.0/24'] }, 'unknown', false],
  [{ deny: ['192.0.2.0/24'] }, '', false],
];

for (const [options, ip, passes] of cases) {
  test(`${JSON.stringify(options)} ${passes ? 'lets through' : 'refuses'} ${ip || 'an empty address'}`, async () => {
    const reply = await judge(
      [await configure('source-ip', options)],
      exchangeOf({ head: { clientIp: ip } }),
    );
    assert.equal(reply?.code, passes ? undefined : 'source-ip:denied');
  });
}

const wrong: readonly (readonly [options: object, message: RegExp])[] = [
  [{}, /add ranges to allow or deny/],
  [{ deny: [] }, /add ranges to allow or deny/],
  [{ allow: [] }, /allow is empty/],
  [{ allow: [], deny: ['192.0.2.0/24'] }, /allow is empty/],
  [{ allow: ['192.0.2.1/24'] }, /bits set beyond/],
  [{ allow: ['192.0.2.0/33'] }, /prefix length/],
  [{ allow: ['example.com'] }, /expected a range/],
  [{ allow: '192.0.2.0/24' }, /expected a list/],
];

for (const [options, message] of wrong) {
  test(`${JSON.stringify(options)} does not load`, async () => {
    await assert.rejects(configure('source-ip', options), message);
  });
}

test('it runs before everything that authenticates, so that a refused address costs no body', async () => {
  const plugins = await loadPlugins(everything);
  const own = plugins.find(({ name }) => name === 'source-ip')?.priority ?? 0;
  assert.ok(plugins.every(({ name, priority }) => name === 'source-ip' || priority < own));
  const unread = new ArrivingBody(100);
  const gateway = gatewayWith({
    instances: [
      await configure('webhook', { provider: 'github', secret: 'env:X' }),
      await configure('source-ip', { allow: ['192.0.2.0/24'] }),
    ],
  });
  const answer = await send(gateway, request({ clientIp: '198.51.100.1', body: unread }));
  assert.equal(answer.status, 403);
  assert.equal(unread.awaited, false);
  assert.equal(JSON.parse(answer.body).code, 'source-ip:denied');
});
