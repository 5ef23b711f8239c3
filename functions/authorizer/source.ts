import { compileCidrs, normalizeIp } from '../../base/net/address.ts';
import { type AccessCheck, authorizerRefusals } from './authorizer.ts';

/**
 * Admits the source addresses of AUTHD_SOURCE_CIDR, as API Gateway saw them, never those in a header.
 *
 * @throws Error when the list is empty or one of its ranges is wrong
 */
export function createSourceCheck(ranges: readonly string[]): AccessCheck {
  if (ranges.length === 0)
    throw new Error(
      'AUTHD_SOURCE_CIDR is empty, which refuses everyone; set it to ranges such as 192.0.2.0/24,2001:db8::/32',
    );
  const contains = compile(ranges);
  return function checkSource({ requestContext }) {
    const { sourceIp } = requestContext.http;
    const ip = normalizeIp(sourceIp);
    if (ip === undefined) return authorizerRefusals.source(`${JSON.stringify(sourceIp)} is not an address`);
    return contains(ip) ? undefined : authorizerRefusals.source(`${ip} is not in any of the ranges`);
  };
}

function compile(ranges: readonly string[]): (ip: string) => boolean {
  try {
    return compileCidrs(ranges);
  } catch (error) {
    throw new Error(`AUTHD_SOURCE_CIDR has the wrong range ${(error as Error).message}`, { cause: error });
  }
}
