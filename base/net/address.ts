import { BlockList, isIP } from 'node:net';
import { ipv6Words } from './ipv6.ts';

/** Whether an address lies in any of the ranges; an invalid address lies in none. */
export type AddressSet = (ip: string) => boolean;

/**
 * Reads a range such as `192.0.2.0/24`, `2001:db8::/32` or a single address.
 *
 * Only strict forms are valid: no leading zeros, no host bits beyond the prefix length (RFC 4632 section 3.1).
 *
 * @returns what is wrong with it; undefined if it is valid
 */
export function cidrProblem(text: string): string | undefined {
  const parsed = parseCidr(text);
  return typeof parsed === 'string' ? parsed : undefined;
}

/** IPv4 addresses written as IPv6, `::ffff:0:0/96`, as BlockList reads them. */
const mapped = new BlockList();
mapped.addSubnet('0.0.0.0', 0, 'ipv4');

/**
 * Compiles ranges for matching. An IPv4 address mapped into IPv6 counts as an IPv4 address, in any spelling.
 *
 * @throws Error naming the first wrong range
 */
export function compileCidrs(ranges: readonly string[]): AddressSet {
  // Two lists, because in one list Node takes every IPv4 address to lie in `::/0`, which would allow more than intended.
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const range of ranges) {
    const parsed = parseCidr(range);
    if (typeof parsed === 'string') throw new Error(`${JSON.stringify(range)}: ${parsed}`);
    lists[parsed.family].addSubnet(parsed.address, parsed.bits, parsed.family);
  }
  return function contains(ip) {
    // BlockList returns false for a text that is not an address. A deny list must not take that for "not denied": see normalizeIp.
    const family = isIP(ip);
    if (family === 4) return lists.ipv4.check(ip, 'ipv4');
    return family === 6 && (mapped.check(ip, 'ipv6') ? lists.ipv4 : lists.ipv6).check(ip, 'ipv6');
  };
}

/**
 * Normalizes an address from a socket, a platform or a header: IPv4 as four decimal numbers, even if it is mapped into IPv6
 * (RFC 4291 section 2.5.5.2); IPv6 as RFC 5952 writes it, without zone. Undefined if the text is not an address.
 */
export function normalizeIp(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  // The spelling of sockets, read without the cost of a URL.
  if (text.startsWith('::ffff:') && isIP(text.slice(7)) === 4) return text.slice(7);
  const zone = text.indexOf('%');
  const bare = zone < 0 ? text : text.slice(0, zone);
  const family = isIP(bare);
  if (family !== 6) return family === 4 && zone < 0 ? bare : undefined;
  // The URL standard's serializer compresses as RFC 5952 section 4 says, and writes all groups in hexadecimal.
  const ip = new URL(`http://[${bare}]`).hostname.slice(1, -1);
  const groups = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(ip);
  if (groups === null) return ip;
  const [high, low] = [Number.parseInt(groups[1] as string, 16), Number.parseInt(groups[2] as string, 16)];
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

interface Cidr {
  readonly address: string;
  readonly bits: number;
  readonly family: 'ipv4' | 'ipv6';
}

function parseCidr(text: string): Cidr | string {
  const slash = text.indexOf('/');
  const address = slash < 0 ? text : text.slice(0, slash);
  const version = isIP(address);
  if (version === 0 || address.includes('%')) return 'expected a range such as 192.0.2.0/24 or 2001:db8::/32';
  const most = version === 4 ? 32 : 128;
  const length = slash < 0 ? String(most) : text.slice(slash + 1);
  if (!/^(0|[1-9][0-9]{0,2})$/.test(length) || Number(length) > most) {
    return `the prefix length is ${JSON.stringify(length)}; expected 0 to ${most}`;
  }
  const bits = Number(length);
  if (version === 6 && bits >= 96 && mapped.check(address, 'ipv6'))
    return 'it is an IPv4 range written as IPv6; write it as IPv4, such as 192.0.2.0/24';
  const value = addressValue(address, version);
  const hostBits = BigInt(most - bits);
  const network = (value >> hostBits) << hostBits;
  if (network !== value)
    return `it has bits set beyond /${bits}; write the network's own address or /${most} for one address`;
  return { address, bits, family: version === 4 ? 'ipv4' : 'ipv6' };
}

function addressValue(address: string, version: number): bigint {
  if (version === 4) return address.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
  return ipv6Words(address).reduce((sum, word) => (sum << 16n) | BigInt(word), 0n);
}
