import { AwsError, type AwsResult, callAws } from '../../base/aws/call.ts';
import type { Clock } from '../../base/clock.ts';
import type { CallAnswer } from '../../base/http/call.ts';
import { TunnelError } from '../../tunnel/causes.ts';

/** What Tailscale's own client asks for; the token is used within a second. */
const durationSeconds = 300;

/**
 * Asks AWS for a token (JWT) that identifies the role, for the named audience.
 *
 * A call of the Query protocol to the region's endpoint: the global one does not know it. The shapes are AWS's documentation's;
 * no test here can ask the real service.
 * Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html
 *
 * @throws TunnelError
 */
export async function getWebIdentityToken(
  audience: string,
  env: Readonly<Record<string, string | undefined>>,
  withinMs: number,
  clock: Clock,
): Promise<string> {
  const body = new URLSearchParams({
    Action: 'GetWebIdentityToken',
    Version: '2011-06-15',
    'Audience.member.1': audience,
    SigningAlgorithm: 'ES384',
    DurationSeconds: String(durationSeconds),
  });
  const call = {
    service: 'sts',
    endpointVariable: 'STS',
    headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    body: body.toString(),
    read: readXml,
  };
  const result = await callAws(call, { env, clock, withinMs }).catch(explainFailure);
  if (!result.ok) throw refused(result.refusal.status, result.refusal.type, result.refusal.message, audience);
  const { token } = result.value;
  if (typeof token === 'string') return token;
  throw new TunnelError('tunnel:misconfigured', 'AWS STS answered without an identity token.');
}

/** The few elements that matter, anywhere in the document: AWS's documents are small and do not repeat or nest them. */
function readXml({ status, body: text }: CallAnswer): AwsResult {
  if (status === 200)
    return { ok: true, value: { token: element(text, 'WebIdentityToken', /^[\w-]+\.[\w-]+\.[\w-]+$/) } };
  const type = element(text, 'Code', /^[\w.]+$/) ?? '';
  return { ok: false, refusal: { status, type, message: element(text, 'Message') ?? '' } };
}

function element(xml: string, name: string, pattern?: RegExp): string | undefined {
  const [, raw] = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml) ?? [];
  const value = raw
    ?.trim()
    .replace(/&(lt|gt|quot|apos|amp);/g, (_, entity: string) => entities[entity] ?? '');
  return value === undefined || (pattern !== undefined && !pattern.test(value)) ? undefined : value;
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

function explainFailure(error: unknown): never {
  if (!(error instanceof AwsError)) throw error;
  const code = error.failure === 'unreachable' ? 'tunnel:identity-unreachable' : 'tunnel:misconfigured';
  throw new TunnelError(code, `No identity token: ${error.message}.`);
}

function refused(status: number, type: string, message: string, audience: string): TunnelError {
  const said = `AWS STS answered ${`${status} ${type}`.trim()}${message && `: ${message}`}`;
  if (/^OutboundWebIdentityFederationDisabled/.test(type)) {
    return new TunnelError(
      'tunnel:identity-disabled',
      `${said}. Turn it on for the account, once: aws iam enable-outbound-web-identity-federation. ` +
        'What that prints is the issuer that the tailnet must trust.',
    );
  }
  if (/^AccessDenied/.test(type)) {
    return new TunnelError(
      'tunnel:identity-forbidden',
      `${said}. Allow the role sts:GetWebIdentityToken; its conditions must allow the audience ` +
        `${JSON.stringify(audience)}, for ES384, and for at most ${durationSeconds} s.`,
    );
  }
  if (/^SessionDurationEscalation/.test(type) || credentialTrouble.test(type)) {
    return new TunnelError(
      'tunnel:identity-forbidden',
      `${said}. The AWS credentials of this sandbox are wrong or have expired, or its clock is wrong; a new sandbox has new ones.`,
    );
  }
  return new TunnelError(
    'tunnel:misconfigured',
    `${said}. Check POSTERN_TAILNET_AUDIENCE and AWS_REGION; STS gives identity tokens only at the endpoint of a region.`,
  );
}

/** https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html */
const credentialTrouble =
  /^(?:ExpiredToken|InvalidClientTokenId|UnrecognizedClient|SignatureDoesNotMatch|IncompleteSignature|RequestExpired|MissingAuthenticationToken)/;
