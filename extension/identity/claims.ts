import { parseObject } from '../../base/parse-object.ts';

const maxClaimChars = 300;

/**
 * Describes what an identity token claims, to compare it with what the tailnet expects.
 *
 * Issuer, subject and audience name the account, the role and the receiver; what makes a token one, its signature, is left out.
 * Source: RFC 7519, section 4.1.
 */
export function describeToken(jwt: string): string {
  const claims = parseObject(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString('utf8'));
  if (claims === undefined) return 'The token says nothing of itself';
  const { iss, sub, aud } = claims;
  return `The token has the issuer ${quote(iss)}, the subject ${quote(sub)} and the audience ${quote(aud)}`;
}

function quote(claim: unknown): string {
  return (JSON.stringify(claim) ?? 'none').slice(0, maxClaimChars);
}
