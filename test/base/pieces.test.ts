import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { Pieces } from '../../base/pieces.ts';

test('pieces of any sizes come out as the bytes that were put in, more than once', () => {
  const sizes = fc.array(fc.oneof(fc.nat(40), fc.nat(5_000), fc.constantFrom(16_383, 16_384, 70_000)), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(sizes, fc.nat(255), (lengths, seed) => {
      const pieces = new Pieces();
      for (let round = 0; round < 2; round += 1) {
        const given = lengths.map((length, at) => Buffer.alloc(length, (seed + at) % 256));
        for (const piece of given) pieces.add(piece);
        assert.equal(
          pieces.size,
          lengths.reduce((sum, length) => sum + length, 0),
        );
        assert.ok(Buffer.concat(given).equals(pieces.take()));
        assert.equal(pieces.size, 0);
      }
    }),
  );
});

test('a piece that comes alone is not copied', () => {
  const pieces = new Pieces();
  const piece = Buffer.from('alone');
  assert.equal(pieces.count, 0);
  pieces.add(piece);
  assert.equal(pieces.count, 1);
  assert.equal(pieces.take(), piece);
});

for (const bytes of [1, 2, 7, 100, 16_000]) {
  test(`a mebibyte in pieces of ${bytes} bytes is held by few objects`, () => {
    const pieces = new Pieces();
    while (pieces.size < 1 << 20) pieces.add(Buffer.alloc(bytes, 'a'));
    assert.ok(pieces.count <= 32, `${pieces.count} objects`);
  });
}
