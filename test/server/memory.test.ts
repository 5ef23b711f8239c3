import assert from 'node:assert/strict';
import test from 'node:test';
import { blockOf, RequestMemory } from '../../server/memory.ts';

test('an address may hold its part and no more, and gets it back', () => {
  const memory = new RequestMemory(100, 25);
  const one = memory.enter('192.0.2.1');
  assert.equal(one.charge(25), true);
  assert.equal(one.charge(1), false);
  assert.equal(memory.enter('192.0.2.1').charge(1), false);
  assert.equal(memory.enter('192.0.2.2').charge(25), true);
  one.release(25);
  assert.equal(one.charge(25), true);
});

test('all addresses together may hold the whole and no more', () => {
  const memory = new RequestMemory(100, 25);
  for (const last of [1, 2, 3, 4]) assert.equal(memory.enter(`192.0.2.${last}`).charge(25), true);
  assert.equal(memory.enter('192.0.2.5').charge(1), false);
  assert.equal(memory.heldBytes, 100);
});

test('an account lasts as long as a connection of its address', () => {
  const memory = new RequestMemory(100, 25);
  const [one, two] = [memory.enter('192.0.2.1'), memory.enter('192.0.2.1')];
  assert.equal(one, two);
  memory.leave(one);
  assert.equal(memory.enter('192.0.2.1'), two);
  memory.leave(two);
  memory.leave(two);
  assert.notEqual(memory.enter('192.0.2.1'), two);
});

for (const [address, block] of [
  ['192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8:1:2::', '2001:db8:1:2'],
  ['2001:db8::5', '2001:db8:0:0'],
  ['2001:db8:0:0:1::', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['1::2:3:4:5:6:7', '1:0:2:3'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0'],
] as const) {
  test(`${address} shares the account of ${block}`, () => assert.equal(blockOf(address), block));
}
