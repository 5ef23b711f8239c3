import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { withoutBrackets } from '../../base/net/destination.ts';
import { ipv6Words } from '../../base/net/ipv6.ts';

/** Why a host cannot be a target, as a clause for people, and what to do instead. */
export interface TargetProblem {
  readonly why: string;
  readonly hint: string;
}

/**
 * Checks whether a host can be the target of a guarded transport: not if it means the machine where the connection starts, a
 * link-local address, a cloud's metadata service, or no specific host.
 *
 * tailscaled connects 127.0.0.1 and localhost to its own machine, and any proxy can reach a service with credentials beside it.
 * All spellings count: those that the URL standard's host parser treats as equal (short, octal, hexadecimal and decimal IPv4,
 * percent-encoding, full-width characters, upper case) and IPv4 addresses inside IPv6 ones. A name that a remote resolver maps to
 * such an address is not detected here.
 *
 * @param host a name or an address, with or without brackets
 * @returns undefined if it can be a target
 */
export function guardTarget(host: string): TargetProblem | undefined {
  const canonical = canonicalHost(host);
  if (canonical === undefined) {
    return {
      why: 'it is neither a name nor an address',
      hint: 'write a host such as builder.example.ts.net',
    };
  }
  const what = isIPv6(canonical)
    ? forbiddenIpv6(canonical)
    : isIPv4(canonical)
      ? forbiddenRange(canonical, 'ipv4')
      : forbiddenName(canonical);
  if (what === undefined) return undefined;
  return {
    why: canonical === host ? `it is ${what}` : `it is ${what}, ${canonical} in another spelling`,
    hint: 'through this transport it would be reached from where the tunnel starts: use the name of the target in the private network, or the transport direct for a target on this machine',
  };
}

/** IANA's special-purpose registries, and the addresses of clouds and Tailscale beside a machine. */
const ranges = [
  rangesOf('the unspecified address', ['0.0.0.0/8', '::/128']),
  rangesOf('a loopback address', ['127.0.0.0/8', '::1/128']),
  rangesOf('a link-local address', ['169.254.0.0/16', 'fe80::/10', 'fec0::/10']),
  // AWS; Alibaba; Azure; Oracle (classic, then IPv6); Google; Scaleway; Akamai; Alibaba's IPv6.
  rangesOf('where a cloud serves metadata', [
    'fd00:ec2::/32',
    '100.100.100.200/32',
    '168.63.129.16/32',
    '192.0.0.192/32',
    'fd00:c1::a9fe:a9fe/128',
    'fd20:ce::254/128',
    'fd00:42::42/128',
    'fd00:a9fe:a9fe::1/128',
    'fd00:100::100:200/128',
  ]),
  // https://tailscale.com/kb/1610/reserved-ip-addresses
  rangesOf("Tailscale's own service on each machine", ['100.100.100.100/32', 'fd7a:115c:a1e0::53/128']),
  rangesOf('a multicast address', ['224.0.0.0/4', 'ff00::/8']),
  rangesOf('a broadcast or reserved address', ['240.0.0.0/4']),
];

const names: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'this machine': [
      'localhost',
      'localhost4',
      'localhost6',
      'ip6-localhost',
      'ip6-loopback',
      // AWS Lambda's own name for its sandbox.
      'sandbox',
    ],
    'the machine that a container runs on': [
      'host.docker.internal',
      'gateway.docker.internal',
      'kubernetes.docker.internal',
      'host.containers.internal',
    ],
    'the broadcast address': ['broadcasthost'],
    'a multicast address': ['ip6-allnodes', 'ip6-allrouters', 'ip6-allhosts', 'ip6-mcastprefix'],
    "Tailscale's own service on each machine": ['magicdns.localhost-tailscale-daemon'],
    'where a cloud serves metadata': [
      'metadata',
      'metadata.google.internal',
      'metadata.internal',
      'metadata.goog',
      'instance-data',
      'instance-data.ec2.internal',
      'metadata.azure.internal',
      'metadata.tencentyun.com',
    ],
  }).flatMap(([what, list]) => list.map((name) => [name, what] as const)),
);

/** RFC 6761 section 6.3, and the domain of the machine itself in hosts files (`sandbox.localdomain` on AWS Lambda). */
const ownDomain = /\.(?:localhost|localdomain[46]?)$/;

/** Characters after which the URL parser would see more than a host. */
const notInHost = /[\s/?#@\\:[\]]/u;

/**
 * The host as the URL standard writes it (https://url.spec.whatwg.org/#host-parsing), without the brackets of an address and without
 * the final dot of a name.
 */
function canonicalHost(host: string): string | undefined {
  const bare = withoutBrackets(host).replace(/%.*$/u, (zone) => (host.includes(':') ? '' : zone));
  if (bare.includes(':')) return isIPv6(bare) ? parseHost(`[${bare}]`) : undefined;
  if (notInHost.test(bare)) return undefined;
  const once = parseHost(withoutRoot(bare));
  // Decoding may have added another dot at the end, which can hide an address.
  return once === undefined ? undefined : parseHost(withoutRoot(once));
}

function parseHost(text: string): string | undefined {
  const url = `http://${text}/`;
  return text !== '' && URL.canParse(url) ? withoutBrackets(new URL(url).hostname) || undefined : undefined;
}

function withoutRoot(name: string): string {
  return name.replace(/[.\u3002\uff0e\uff61]+$/u, '');
}

function forbiddenName(name: string): string | undefined {
  return names.get(name) ?? (ownDomain.test(name) ? 'this machine' : undefined);
}

function forbiddenIpv6(address: string): string | undefined {
  const own = forbiddenRange(address, 'ipv6');
  if (own !== undefined) return own;
  for (const carried of carriedIpv4(ipv6Words(address))) {
    const what = forbiddenRange(carried, 'ipv4');
    if (what !== undefined) return `${what}, ${carried}, inside an IPv6 address`;
  }
  return undefined;
}

function forbiddenRange(address: string, family: 'ipv4' | 'ipv6'): string | undefined {
  return ranges.find(({ list }) => list.check(address, family))?.what;
}

function rangesOf(
  what: string,
  cidrs: readonly string[],
): { readonly what: string; readonly list: BlockList } {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [network = '', bits] = cidr.split('/');
    list.addSubnet(network, Number(bits), isIPv4(network) ? 'ipv4' : 'ipv6');
  }
  return { what, list };
}

/** The IPv4 addresses inside an IPv6 address that a router may extract. */
function* carriedIpv4(words: readonly number[]): Generator<string> {
  const [a, b, c, d, e, f, g, h] = words as [number, number, number, number, number, number, number, number];
  const last = dotted(g, h);
  const zeros = (from: number, to: number) => words.slice(from, to).every((word) => word === 0);
  // IPv4-compatible and IPv4-mapped (RFC 4291 section 2.5.5), IPv4-translated (RFC 2765 section 2.1).
  if (zeros(0, 5) && (f === 0 || f === 0xffff)) yield last;
  if (zeros(0, 4) && e === 0xffff && f === 0) yield last;
  // NAT64: the well-known prefix (RFC 6052 section 2.1), and the local one (RFC 8215), whose operator may use /96 or /48.
  if (a === 0x64 && b === 0xff9b && zeros(2, 6)) yield last;
  if (a === 0x64 && b === 0xff9b && c === 1) {
    if (zeros(3, 6) || !zeros(6, 8)) yield last;
    if (!zeros(3, 6)) yield dotted(d, ((e & 0xff) << 8) | (f >> 8));
  }
  // 6to4 (RFC 3056 section 2); Teredo's server and, with its bits turned over, client (RFC 4380 section 4).
  if (a === 0x2002) yield dotted(b, c);
  if (a === 0x2001 && b === 0) {
    yield dotted(c, d);
    yield dotted(g ^ 0xffff, h ^ 0xffff);
  }
  // ISATAP (RFC 5214 section 6.1).
  if ((e === 0 || e === 0x200) && f === 0x5efe) yield last;
  // Tailscale's 4via6: https://tailscale.com/kb/1201/4via6-subnets
  if (a === 0xfd7a && b === 0x115c && c === 0xa1e0 && d === 0xb1a) yield last;
}

function dotted(high: number, low: number): string {
  return `${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}`;
}
