import assert from 'node:assert/strict';
import test from 'node:test';
import { Upstreams } from '../../../gateway/upstream/upstreams.ts';
import { ok, upstreamOf } from '../../support/gateway.ts';

function counted() {
  let closes = 0;
  const upstream = {
    ...upstreamOf(ok),
    close: async () => {
      closes += 1;
    },
  };
  return { upstream, closes: () => closes };
}

test('what has the same key shares an upstream, which is closed with the last of them', async () => {
  const upstreams = new Upstreams();
  const { upstream, closes } = counted();
  const first = upstreams.lease('a', () => upstream);
  const second = upstreams.lease('a', () => assert.fail('it was made twice'));
  assert.equal(second.upstream, upstream);
  await first.release();
  assert.equal(closes(), 0);
  const third = upstreams.lease('a', () => assert.fail('it was made twice'));
  await second.release();
  assert.equal(closes(), 0);
  await third.release();
  assert.equal(closes(), 1);
});

test('other keys have upstreams of their own, and a closed one is not given again', async () => {
  const upstreams = new Upstreams();
  const [one, other, again] = [counted(), counted(), counted()];
  const lease = upstreams.lease('a', () => one.upstream);
  upstreams.lease('b', () => other.upstream);
  await lease.release();
  assert.deepEqual([one.closes(), other.closes()], [1, 0]);
  assert.equal(upstreams.lease('a', () => again.upstream).upstream, again.upstream);
});
