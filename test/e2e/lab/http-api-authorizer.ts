import type { Invoke } from './http-api.ts';
import { accountId, apiId, type HttpApiEvent } from './http-api-event.ts';

/** A Lambda authorizer of type REQUEST with payload format 2.0 and simple responses. */
export interface Authorizer {
  readonly invoke: Invoke;
  /** Such as `$request.header.Authorization`, `$request.querystring.key`, `$context.identity.sourceIp`. */
  readonly identitySource: readonly string[];
  /** How long a decision counts for the same identity, in seconds; 0 asks every time. */
  readonly ttlSeconds: number;
}

/** What an authorizer decided. `context` goes to the function. */
export type Decision =
  | { readonly kind: 'allow'; readonly context: unknown }
  | { readonly kind: 'deny' }
  | { readonly kind: 'missing-identity' }
  | { readonly kind: 'failed' };

/**
 * Gives the function that asks an authorizer, which remembers decisions by the values of the identity sources alone:
 * not by route, unless `$context.routeKey` is one of them.
 *
 * A request without one of the identity sources is 401 without asking. An error, no answer within 10 s, or one that is
 * not `{"isAuthorized": boolean}` fails the request.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html;
 * the 10 s: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
 */
export function decider(
  authorizer: Authorizer,
  clock: () => number,
  limitMs = 10_000,
): (event: HttpApiEvent) => Promise<Decision> {
  const remembered = new Map<string, { readonly decision: Decision; readonly untilMs: number }>();
  return async function decide(event) {
    const identity = authorizer.identitySource.map((source) => identityValue(source, event));
    if (identity.some((value) => value === undefined || value === '')) return { kind: 'missing-identity' };
    const key = JSON.stringify(identity);
    const known = remembered.get(key);
    if (known !== undefined && known.untilMs > clock()) return known.decision;
    const decision = await ask(authorizer, authorizerEvent(event, identity as string[]), limitMs);
    if (authorizer.ttlSeconds > 0 && identity.length > 0 && decision.kind !== 'failed') {
      remembered.set(key, { decision, untilMs: clock() + authorizer.ttlSeconds * 1_000 });
    }
    return decision;
  };
}

async function ask(authorizer: Authorizer, event: unknown, limitMs: number): Promise<Decision> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, limitMs, undefined);
  });
  try {
    const invocation = await Promise.race([authorizer.invoke(JSON.stringify(event)), late]);
    if (invocation === undefined || invocation.functionError) return { kind: 'failed' };
    const value = JSON.parse(invocation.payload) as { isAuthorized?: unknown; context?: unknown } | null;
    if (typeof value?.isAuthorized !== 'boolean') return { kind: 'failed' };
    return value.isAuthorized ? { kind: 'allow', context: value.context ?? null } : { kind: 'deny' };
  } catch {
    return { kind: 'failed' };
  } finally {
    clearTimeout(timer);
  }
}

/** The event without a body, with its type, the route's ARN and the identity values. */
function authorizerEvent(event: HttpApiEvent, identitySource: readonly string[]): unknown {
  const { body: _body, isBase64Encoded: _encoded, ...head } = event;
  const { stage, http } = event.requestContext;
  return {
    ...head,
    type: 'REQUEST',
    routeArn: `arn:aws:execute-api:us-east-1:${accountId}:${apiId}/${stage}/${http.method}${event.rawPath}`,
    identitySource: identitySource.length === 0 ? null : identitySource,
  };
}

function identityValue(source: string, event: HttpApiEvent): string | undefined {
  const header = /^\$request\.header\.(.+)$/.exec(source)?.[1];
  if (header !== undefined) return event.headers[header.toLowerCase()];
  const parameter = /^\$request\.querystring\.(.+)$/.exec(source)?.[1];
  if (parameter !== undefined) return event.queryStringParameters?.[parameter];
  if (source === '$context.identity.sourceIp') return event.requestContext.http.sourceIp;
  if (source === '$context.routeKey') return event.routeKey;
  throw new Error(`identity source ${source}: not one that this emulator knows`);
}
