import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { cidrProblem, compileCidrs, normalizeIp } from '../../../base/net/address.ts';
import { cidrs } from '../../../base/schema/cidrs.ts';
import { parse } from '../../../base/schema/schema.ts';

const good = [
  '192.0.2.0/24',
  '192.0.2.7',
  '192.0.2.7/32',
  '0.0.0.0/0',
  '::/0',
  '::1',
  '2001:db8::/32',
  '2001:DB8::/32',
  '64:ff9b::/96',
];

for (const range of good) {
  test(`${range} is a range`, () => assert.equal(cidrProblem(range), undefined));
}

const bad: readonly (readonly [range: string, message: RegExp])[] = [
  ['', /expected a range/],
  ['/24', /expected a range/],
  ['192.0.2/24', /expected a range/],
  ['192.0.2.0.0/24', /expected a range/],
  ['010.0.0.0/8', /expected a range/],
  ['0x0a.0.0.0/8', /expected a range/],
  ['167772160/8', /expected a range/],
  ['192.0.2.256', /expected a range/],
  [' 192.0.2.0/24', /expected a range/],
  ['192.0.2.0/24 ', /prefix length/],
  ['192.0.2.0/', /prefix length/],
  ['192.0.2.0/33', /prefix length is "33"; expected 0 to 32/],
  ['192.0.2.0/024', /prefix length/],
  ['192.0.2.0/-1', /prefix length/],
  ['192.0.2.0/2e1', /prefix length/],
  ['192.0.2.0/255.255.255.0', /prefix length/],
  ['192.0.2.0/24/24', /prefix length/],
  ['2001:db8::/129', /expected 0 to 128/],
  ['2001:db8::1/64', /bits set beyond \/64.*\/128 for one address/],
  ['192.0.2.7/24', /bits set beyond \/24.*\/32 for one address/],
  ['fe80::1%eth0/64', /expected a range/],
  ['[2001:db8::]/32', /expected a range/],
  ['2001:db8::g/32', /expected a range/],
  ['::ffff:192.0.2.0/120', /write it as IPv4/],
  ['::ffff:c000:207', /write it as IPv4/],
  ['example.com', /expected a range/],
  ['*', /expected a range/],
];

for (const [range, message] of bad) {
  test(`${JSON.stringify(range)} is not a range`, () => {
    assert.match(cidrProblem(range) ?? 'none', message);
    assert.throws(() => compileCidrs(['192.0.2.0/24', range]), message);
  });
}

const v4 = fc.bigInt({ min: 0n, max: 2n ** 32n - 1n });
const v6 = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n });

const textV4 = (value: bigint) => [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
const textV6 = (value: bigint) =>
  Array.from({ length: 8 }, (_, at) => ((value >> BigInt(112 - at * 16)) & 0xffffn).toString(16)).join(':');

/** Networks with addresses inside and near them, worked out with whole numbers alone. */
function agrees(width: number, text: (value: bigint) => string) {
  return (address: bigint, bits: number, near: bigint) => {
    // Sixteen bytes that happen to spell an IPv4 address are another test's matter; an edge of a network can too.
    const isMapped = (value: bigint) => width === 128 && value >> 32n === 0xffffn;
    fc.pre(!isMapped(address));
    const host = BigInt(width - bits);
    const network = (address >> host) << host;
    const contains = compileCidrs([`${text(network)}/${bits}`]);
    const last = network + (1n << host) - 1n;
    const candidates = [address, network, last, network - 1n, last + 1n, near];
    for (const candidate of candidates) {
      if (candidate < 0n || candidate >= 1n << BigInt(width) || isMapped(candidate)) continue;
      assert.equal(contains(text(candidate)), candidate >= network && candidate <= last, text(candidate));
    }
    if (host > 0n) assert.match(cidrProblem(`${text(network | 1n)}/${bits}`) ?? '', /bits set beyond|IPv4/);
  };
}

test('a range holds the addresses whose first bits are its own, and no others', () => {
  fc.assert(fc.property(v4, fc.integer({ min: 0, max: 32 }), v4, agrees(32, textV4)));
  const examples: [bigint, number, bigint][] = [[0n, 80, 0n]];
  fc.assert(fc.property(v6, fc.integer({ min: 0, max: 128 }), v6, agrees(128, textV6)), { examples });
});

test('an address in any spelling is the same address', () => {
  const contains = compileCidrs(['2001:db8::1', '192.0.2.7']);
  for (const ip of [
    '2001:db8::1',
    '2001:0DB8:0:0::1',
    '2001:db8:0:0:0:0:0.0.0.1',
    '192.0.2.7',
    '::ffff:192.0.2.7',
    '::ffff:c000:207',
    '0:0:0:0:0:ffff:c000:207',
  ])
    assert.ok(contains(ip), ip);
});

test('the families stay apart: all of IPv4 is not all of IPv6, and the other way round', () => {
  assert.equal(compileCidrs(['0.0.0.0/0'])('2001:db8::1'), false);
  for (const ip of ['192.0.2.1', '::ffff:192.0.2.1', '::ffff:c000:201']) {
    assert.equal(compileCidrs(['::/0'])(ip), false, ip);
    assert.equal(compileCidrs(['0.0.0.0/0'])(ip), true, ip);
  }
  assert.equal(compileCidrs(['0.0.0.0/0'])('::102:304'), false);
});

test('a text that is not an address is in no range', () => {
  const contains = compileCidrs(['0.0.0.0/0', '::/0']);
  for (const ip of [
    '',
    'unknown',
    '192.0.2',
    '192.0.2.7:80',
    '[::1]',
    '010.0.0.1',
    '1',
    'localhost',
    '192.0.2.7/32',
    '\u0000',
  ])
    assert.equal(contains(ip), false, ip);
});

test('whatever stands in a list, it is a range or a message', () => {
  const near = fc
    .tuple(fc.constantFrom('192.0.2.0', '10.0.0.0', '::', '2001:db8::', '::ffff:0:0'), fc.nat(130))
    .map(([address, bits]) => `${address}/${bits}`);
  const counts = { ranges: 0, messages: 0 };
  fc.assert(
    fc.property(fc.oneof(near, fc.string({ unit: 'binary', maxLength: 50 })), (text) => {
      const problem = cidrProblem(text);
      counts[problem === undefined ? 'ranges' : 'messages'] += 1;
      if (problem === undefined) assert.doesNotThrow(() => compileCidrs([text]));
      else assert.throws(() => compileCidrs([text]), { message: `${JSON.stringify(text)}: ${problem}` });
    }),
    { numRuns: 500 },
  );
  assert.ok(counts.ranges > 50 && counts.messages > 50, JSON.stringify(counts));
});

const normalized: readonly (readonly [text: string | undefined, ip: string | undefined])[] = [
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8::1', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['::ffff:a00:1', '10.0.0.1'],
  ['::FFFF:0A00:0001', '10.0.0.1'],
  ['0:0:0:0:0:ffff:10.0.0.1', '10.0.0.1'],
  ['::ffff:10.0.0.1%eth0', '10.0.0.1'],
  ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
  ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
  ['192.0.2.7%eth0', undefined],
  ['010.0.0.1', undefined],
  ['::ffff:999.0.2.7', undefined],
  ['unknown', undefined],
  ['', undefined],
  [undefined, undefined],
];

for (const [text, ip] of normalized) {
  test(`${text} is brought into the form ${ip}`, () => assert.equal(normalizeIp(text), ip));
}

test('an address has one form, whatever its spelling', () => {
  const upper = (text: string) => text.toUpperCase();
  fc.assert(
    fc.property(v6, (value) => {
      const ip = normalizeIp(textV6(value));
      assert.ok(ip !== undefined);
      assert.equal(normalizeIp(ip), ip);
      assert.equal(normalizeIp(upper(textV6(value))), ip);
    }),
  );
  fc.assert(fc.property(v4, (value) => normalizeIp(textV6((0xffffn << 32n) | value)) === textV4(value)));
});

test('a list of ranges in options names the entry that is wrong', () => {
  const parsed = parse(cidrs(), ['192.0.2.0/24', '192.0.2.1/24']);
  assert.ok(!parsed.ok);
  assert.deepEqual(
    parsed.problems.map(({ path }) => path),
    [[1]],
  );
  assert.equal(parse(cidrs(), Array(10_001).fill('192.0.2.0/24')).ok, false);
});
