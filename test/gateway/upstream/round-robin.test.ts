import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { systemClock } from '../../../base/clock.ts';
import { Endpoint } from '../../../gateway/upstream/endpoint.ts';
import { interleave, RoundRobin } from '../../../gateway/upstream/round-robin.ts';
import { parseTarget } from '../../../gateway/upstream/target.ts';

const spread: readonly (readonly [weights: readonly number[], order: readonly number[]])[] = [
  [[1], [0]],
  [[7], [0]],
  [
    [1, 1],
    [0, 1],
  ],
  [
    [100, 100],
    [0, 1],
  ],
  [
    [3, 1],
    [0, 0, 1, 0],
  ],
  [
    [5, 1, 1],
    [0, 0, 1, 0, 2, 0, 0],
  ],
];
for (const [weights, order] of spread) {
  test(`weights ${weights.join(' and ')} give the turns ${order.join(', ')}`, () => {
    assert.deepEqual(interleave(weights), order);
  });
}

test('each target has turns in proportion to its weight, and never two shares in a row more than due', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 8 }), (weights) => {
      const order = interleave(weights);
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      weights.forEach((weight, index) => {
        const turns = order.filter((turn) => turn === index).length;
        assert.equal(turns * total, weight * order.length);
        // At any point of a round a target has had what is due to it, give or take less than one turn for each target.
        let had = 0;
        order.forEach((turn, at) => {
          if (turn === index) had += 1;
          assert.ok(Math.abs(had - ((at + 1) * weight) / total) < weights.length);
        });
      });
    }),
  );
});

test('an endpoint that was tried already is passed over', () => {
  const [first, second] = [3, 1].map(
    (weight) =>
      new Endpoint(parseTarget('http://127.0.0.1:1', weight), {
        connect: () => assert.fail('nothing is sent'),
        clock: systemClock,
        connections: 1,
        idleTimeoutMs: 1_000,
      }),
  ) as [Endpoint, Endpoint];
  const balancer = new RoundRobin([first, second]);
  assert.equal(balancer.pick([]), first);
  assert.equal(balancer.pick([first]), second);
  assert.equal(balancer.pick([second]), first);
});
