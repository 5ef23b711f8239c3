import { isIP } from 'node:net';
import { type AddressSet, cidrs, compileCidrs } from '../../base/schema/cidrs.ts';
import { type Schema, s } from '../../base/schema/schema.ts';
import { refusals } from '../answer/refusal.ts';
import { next, type Verdict } from '../answer/verdict.ts';
import { definePlugin } from '../plugin/plugin.ts';

interface Options {
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
}

const shape: Schema<Options> = s.object({
  allow: s.describe(
    s.optional(cidrs()),
    'Ranges that may call, IPv4 and IPv6. All others are refused. Left out: every range may, deny aside.',
  ),
  deny: s.describe(s.optional(cidrs()), 'Ranges that may not call, even inside a range of allow.'),
});

const options = s.refine(shape, function atLeastOne({ allow, deny }) {
  if (allow?.length === 0)
    return 'allow is empty, so every request would be refused; add ranges or remove it';
  if (allow === undefined && (deny === undefined || deny.length === 0)) return 'add ranges to allow or deny';
  return undefined;
});

const refuse = refusals('source-ip', {
  denied: [403, 'The address is not allowed'],
});

/**
 * Allows requests by the address that they come from.
 *
 * It runs before all authenticating plugins and needs only the head, so a refused address costs neither the reading of a body nor a
 * signature, and an authorizer, which sees no body, can run it.
 */
export const sourceIp = definePlugin({
  name: 'source-ip',
  priority: 3000,
  guard: { restricts: true },
  scopes: ['entry', 'global', 'service', 'route', 'consumer'],
  options,
  refusals: refuse,
  create({ allow, deny }) {
    const allowed = allow && compileCidrs(allow);
    const denied = deny && compileCidrs(deny);
    function judge(clientIp: string): Verdict {
      // Neither set contains a text that is not an address, which must not count as "not denied".
      if (isIP(clientIp) === 0) return refuse.denied('the address of the client is not known');
      if (denied?.(clientIp)) return refuse.denied(`${clientIp} is in a range of deny`);
      if (isOutside(allowed, clientIp)) return refuse.denied(`${clientIp} is in no range of allow`);
      return next;
    }
    return {
      admitsAll: allow === undefined || coversFamily(allow),
      entry: ({ clientIp }) => judge(clientIp),
      access: ({ head }) => judge(head.clientIp),
    };
  },
});

/** Whether the ranges cover all of IPv4 or all of IPv6, with one range or several together. */
function coversFamily(ranges: readonly string[]): boolean {
  const covered = { ipv4: 0, ipv6: 0 };
  for (const range of new Set(ranges)) {
    const [, bits] = range.split('/');
    // A single address adds next to nothing, and many narrow ranges are intended.
    if (bits !== undefined) covered[range.includes(':') ? 'ipv6' : 'ipv4'] += 2 ** -Number(bits);
  }
  return covered.ipv4 >= 1 || covered.ipv6 >= 1;
}

function isOutside(allowed: AddressSet | undefined, ip: string): boolean {
  return allowed !== undefined && !allowed(ip);
}
