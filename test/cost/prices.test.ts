import assert from 'node:assert/strict';
import test from 'node:test';
import { ageInMonths, allowances, prices, region, sources, taken } from '../../cost/prices.ts';

const dated = /^[0-9]{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12][0-9]|3[01]))?)?$/;

test('all prices are of one region, and the day they were written down is known', () => {
  assert.equal(region, 'us-east-1');
  assert.match(taken, /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/);
});

for (const [id, price] of Object.entries(prices)) {
  test(`the price ${id} has a value, a unit, AWS's page and a source`, () => {
    assert.ok(price.usd > 0 && price.per > 0);
    assert.ok(price.unit !== '' && price.what !== '');
    assert.match(price.page, /^https:\/\/aws\.amazon\.com\/.+pricing/);
    assert.ok(Object.hasOwn(sources, price.source), `nothing is known of the source ${price.source}`);
  });
  test(`the price ${id} says when its source was of that opinion, or that it does not know`, () => {
    const { stated } = sources[price.source] as (typeof sources)[string];
    if (stated === null) assert.match(price.note ?? '', /no date/);
    else assert.match(stated, dated);
  });
}

for (const [id, allowance] of Object.entries(allowances)) {
  test(`the allowance ${id} is counted in the unit of its prices, and has a source`, () => {
    assert.ok(allowance.amount > 0);
    assert.ok(Object.hasOwn(sources, allowance.source));
    // What is taken in and what is kept share one allowance of gigabytes.
    for (const price of allowance.prices)
      assert.equal(prices[price].unit.replace('GB-months', 'GB'), allowance.unit);
  });
}

test('no price takes from two allowances', () => {
  const taking = Object.values(allowances).flatMap((allowance) => allowance.prices);
  assert.equal(new Set(taking).size, taking.length);
});

test('a source is as old as its statement, in months', () => {
  const ages = [
    ['2026-09-21', 2],
    ['2026-06', 5],
    ['2025-11-30', 12],
    ['2026', undefined],
    [null, undefined],
  ] as const;
  for (const [stated, age] of ages)
    assert.equal(ageInMonths({ what: '', url: '', stated }, '2026-11-23'), age);
});
