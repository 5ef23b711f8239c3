import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { parseTarget } from '../../../gateway/upstream/target.ts';
import { guardTarget } from '../../../gateway/upstream/target-guard.ts';

const allowed = [
  'builder.example.ts.net',
  'BUILDER',
  'my_service',
  'localhost.example.com',
  'notlocalhost',
  'sandbox.example.com',
  'localdomain.example.com',
  'mylocaldomain',
  'metadata.example.com',
  '10.0.0.5',
  '192.168.1.10',
  '172.16.0.1',
  '100.64.0.1',
  '100.101.102.103',
  '8.8.8.8',
  '169.253.255.255',
  '223.255.255.255',
  'fd7a:115c:a1e0::1',
  '[fd7a:115c:a1e0:ab12::1]',
  'fd7a:115c:a1e0:b1a:0:7:a00:5',
  '2001:db8::1',
  '2600:1f18::1',
  '::ffff:10.0.0.5',
  '64:ff9b::10.0.0.5',
  '64:ff9b:1::10.0.0.5',
  '64:ff9b:1:a00:0:500::',
  '2001:0:4136:e378:8000:63bf:3fff:fdd2',
  '2002:a00:5::1',
  'xn--bcher-kva.example',
];
for (const host of allowed) {
  test(`${host} may be a target`, () => assert.equal(guardTarget(host), undefined));
}

const refused: readonly (readonly [kind: RegExp, ...hosts: string[]])[] = [
  [/loopback/, '127.0.0.1', '127.255.255.254', '::1', '[::1]', '0:0:0:0:0:0:0:1', '::0001'],
  [/unspecified/, '0.0.0.0', '0', '0.1.2.3', '::', '[::]'],
  [
    /link-local/,
    '169.254.169.254',
    '169.254.0.23',
    '169.254.170.2',
    'fe80::1',
    'FE80::1%eth0',
    'febf::1',
    'fec0::1',
  ],
  [
    /metadata/,
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    'fd00:ec2::254',
    'fd00:ec2::23',
    'fd20:ce::254',
  ],
  [/metadata/, 'fd00:c1::a9fe:a9fe', 'fd00:42::42', 'fd00:a9fe:a9fe::1', 'fd00:100::100:200'],
  [/metadata/, 'metadata.google.internal', 'METADATA.google.internal.', 'metadata', 'instance-data'],
  [/metadata/, 'metadata.internal', 'metadata.goog', 'instance-data.ec2.internal'],
  [/metadata/, 'metadata.azure.internal', 'metadata.tencentyun.com'],
  [/Tailscale/, '100.100.100.100', 'fd7a:115c:a1e0::53', 'magicdns.localhost-tailscale-daemon'],
  [/multicast/, '224.0.0.1', '239.255.255.250', 'ff02::1', 'ip6-allnodes', 'ip6-allrouters'],
  [/multicast/, 'ip6-allhosts', 'ip6-mcastprefix'],
  [/broadcast/, '255.255.255.255', '240.0.0.1', 'broadcasthost'],
  [
    /this machine/,
    'localhost',
    'LOCALHOST',
    'localhost.',
    'localhost..',
    'a.localhost',
    'a.b.LocalHost.',
    'ip6-localhost',
    'ip6-loopback',
    'localhost4',
  ],
  [
    /this machine/,
    'localhost.localdomain',
    'localhost6',
    'ｌｏｃａｌｈｏｓｔ',
    'local%68ost',
    'localhost%2e',
    'localhost。',
  ],
  [
    /this machine/,
    'sandbox',
    'SANDBOX',
    'sandbox.',
    'sandbox.localdomain',
    'Sandbox.LocalDomain.',
    'any.localdomain',
    'localhost4.localdomain4',
    'localhost6.localdomain6',
    's%61ndbox',
  ],
  [
    /the machine that a container runs on/,
    'host.docker.internal',
    'HOST.docker.internal.',
    'gateway.docker.internal',
    'kubernetes.docker.internal',
    'host.containers.internal',
  ],
  // Short, octal, hexadecimal, decimal, mixed, with dots at the end, percent-encoded, full-width.
  [
    /loopback/,
    '127.1',
    '127.0.1',
    '0177.0.0.1',
    '0x7f.0.0.1',
    '0x7f000001',
    '2130706433',
    '017700000001',
    '0X7F.1',
  ],
  [
    /loopback/,
    '127.0.0.1.',
    '127.0.0.1..',
    '%31%32%37.0.0.1',
    '127.0.0.1%2e',
    '127.0.0.1%2E%2e',
    '１２７.０.０.１',
    '127。0。0。1',
  ],
  [/link-local/, '2852039166', '0xa9fea9fe', '0251.0376.0251.0376', '169.254.43518', '169.16689662'],
  // Inside an IPv6 address: mapped, compatible, translated, NAT64 (three ways), 6to4, Teredo, ISATAP, 4via6.
  [/loopback/, '::ffff:127.0.0.1', '[::FFFF:7f00:1]', '0:0:0:0:0:ffff:7f00:0001', '::127.0.0.1', '::7f00:1'],
  [
    /loopback/,
    '::ffff:0:127.0.0.1',
    '64:ff9b::127.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b:1::7f00:1',
    '64:ff9b:1:7f00:0:100::',
  ],
  [
    /loopback/,
    '2002:7f00:1::',
    '2002:7f00:1:1:2:3:4:5',
    '2001:0:4136:e378:8000:63bf:80ff:fffe',
    '2001:0:7f00:1::',
    '2001:db8::5efe:127.0.0.1',
  ],
  [/loopback/, 'fd7a:115c:a1e0:b1a:0:7:127.0.0.1'],
  [/link-local/, '::ffff:169.254.169.254', '64:ff9b::a9fe:a9fe', '2002:a9fe:a9fe::1', '::a9fe:a9fe'],
  [/Tailscale/, '::ffff:100.100.100.100', '2002:6464:6464::'],
  [
    /neither a name nor an address/,
    '',
    ' ',
    '.',
    '[',
    '[]',
    'a b',
    'a/b',
    'a@127.0.0.1',
    'a:80',
    '127.0.0.1:80',
    '1.2.3.4.5',
    '256.1.1.1',
    '%',
    '%00',
    'a\\b',
    '[::1',
    ':::1',
    '0x'.padEnd(30, 'f'),
  ],
];
for (const [kind, ...hosts] of refused) {
  for (const host of hosts) {
    test(`${JSON.stringify(host)} is refused: ${kind.source}`, () => {
      const problem = guardTarget(host);
      assert.match(problem?.why ?? 'nothing', kind);
      assert.ok((problem?.hint ?? '').length > 10);
    });
  }
}

test('the reason names the address behind another spelling', () => {
  assert.equal(guardTarget('0x7f.1')?.why, 'it is a loopback address, 127.0.0.1 in another spelling');
  assert.match(guardTarget('64:ff9b::7f00:1')?.why ?? '', /127\.0\.0\.1, inside an IPv6 address/);
});

const forbiddenIpv4 = fc.oneof(
  fc.nat(0xffffff).map((low) => 0x7f000000 + low),
  fc.nat(0xffff).map((low) => 0xa9fe0000 + low),
  fc.nat(0xffffff),
  fc.nat(0x1fffffff).map((low) => 0xe0000000 + low),
  fc.constantFrom(0x646464c8, 0xa83f8110, 0x64646464, 0xc00000c0),
);

/** One number of an IPv4 address as inet_aton and the URL standard read it. */
const written = (value: number) =>
  fc.constantFrom(
    String(value),
    `0x${value.toString(16)}`,
    `0X${value.toString(16).toUpperCase()}`,
    `0${value.toString(8)}`,
    `0x000${value.toString(16)}`,
  );

const spelledIpv4 = forbiddenIpv4.chain((address) =>
  fc.integer({ min: 1, max: 4 }).chain((parts) => {
    const leading = Array.from({ length: parts - 1 }, (_, at) => (address >>> (24 - 8 * at)) & 0xff);
    const rest = address % 2 ** (8 * (5 - parts));
    return fc.tuple(...[...leading, rest].map(written)).map((texts) => texts.join('.'));
  }),
);

const disguise = (text: string) =>
  fc
    .array(fc.constantFrom('plain', 'percent', 'wide'), { minLength: text.length, maxLength: text.length })
    .map((ways) =>
      ways
        .map((way, at) => {
          const code = text.charCodeAt(at);
          if (way === 'percent') return `%${code.toString(16)}`;
          return way === 'wide' ? String.fromCharCode(code + 0xfee0) : text[at];
        })
        .join(''),
    );

test('every spelling of a forbidden IPv4 address is refused, by the guard and behind a URL', () => {
  fc.assert(
    fc.property(spelledIpv4, (host) => {
      assert.notEqual(guardTarget(host), undefined);
      assert.notEqual(guardTarget(parseTarget(`http://${host}:8080`).destination.host), undefined);
    }),
    { numRuns: 500 },
  );
});

test('percent-encoding and full-width characters hide nothing', () => {
  const hosts = fc.oneof(
    spelledIpv4,
    fc.constantFrom('localhost', 'a.localhost', 'ip6-localhost', 'metadata.google.internal'),
  );
  fc.assert(
    fc.property(hosts.chain(disguise), fc.constantFrom('', '.', '..', '%2e', '。', '．'), (host, dot) => {
      assert.notEqual(guardTarget(host + dot), undefined);
    }),
    { numRuns: 500 },
  );
});

test('a forbidden IPv4 address is refused wherever an IPv6 address carries it, however that is written', () => {
  const carriers: readonly ((high: string, low: string) => string)[] = [
    (high, low) => `0:0:0:0:0:ffff:${high}:${low}`,
    (high, low) => `0:0:0:0:ffff:0:${high}:${low}`,
    (high, low) => `64:ff9b:0:0:0:0:${high}:${low}`,
    (high, low) => `64:ff9b:1:0:0:0:${high}:${low}`,
    (high, low) => `2002:${high}:${low}:0:0:0:0:1`,
    (high, low) => `2001:0:${high}:${low}:0:0:f5ff:fffa`,
    (high, low) => `fd7a:115c:a1e0:b1a:0:1:${high}:${low}`,
  ];
  const shortened = (text: string) => new URL(`http://[${text}]`).hostname;
  const dotted = (text: string) => {
    const words = text.split(':');
    const tail = words.splice(6).flatMap((word) => {
      const value = Number.parseInt(word, 16);
      return [value >> 8, value & 255];
    });
    return `${words.join(':')}:${tail.join('.')}`;
  };
  const forms = [(text: string) => text, shortened, dotted, (text: string) => `[${text.toUpperCase()}]`];
  fc.assert(
    fc.property(
      forbiddenIpv4,
      fc.constantFrom(...carriers),
      fc.constantFrom(...forms),
      (address, carry, form) => {
        const host = form(carry((address >>> 16).toString(16), (address & 0xffff).toString(16)));
        assert.notEqual(guardTarget(host), undefined, host);
      },
    ),
    { numRuns: 500 },
  );
});

test('whatever text it is given, it answers', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.webUrl(), fc.ipV6()), (text) => {
      const problem = guardTarget(text);
      assert.ok(problem === undefined || problem.why.startsWith('it is'));
    }),
  );
});

test('private addresses stay allowed in every spelling', () => {
  const privateIpv4 = fc.oneof(
    fc.nat(0xffffff).map((low) => 0x0a000000 + low),
    fc.nat(0xffff).map((low) => 0xc0a80000 + low),
  );
  fc.assert(fc.property(privateIpv4.chain(written), (host) => assert.equal(guardTarget(host), undefined)));
});
