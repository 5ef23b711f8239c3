import { contextVariable } from './http-api-context.ts';
import { accountId, apiId, type HttpApiEvent } from './http-api-event.ts';
import type { Invoke } from './http-api-integration.ts';
import { withinStage } from './http-api-route.ts';

/** A Lambda authorizer of type REQUEST with payload format 2.0 and simple responses. */
export interface Authorizer {
  readonly invoke: Invoke;
  /** Such as `$request.header.Authorization`, `$request.querystring.key`, `$context.identity.sourceIp`. */
  readonly identitySource: readonly string[];
  /** How long a decision counts for the same identity, in seconds; 0 asks every time. */
  readonly ttlSeconds: number;
}

/** What an authorizer decided. Its `context` goes to the access log and, when it allows, to the function. */
export type Decision =
  | { readonly kind: 'allow' | 'deny'; readonly context: unknown }
  | { readonly kind: 'missing-identity' }
  | { readonly kind: 'failed'; readonly error: string };

/**
 * Gives the function that asks an authorizer, which remembers decisions by the values of the identity sources alone:
 * not by route, unless `$context.routeKey` is one of them. Without any identity source nothing is remembered.
 *
 * A request without one of the identity sources is 401 without asking. An error, no answer within 10 s, or one that is
 * not `{"isAuthorized": boolean}` fails the request, and is not remembered (that last is not documented; seen by others:
 * github.com/ministackorg/ministack/pull/1370).
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html;
 * the 10 s: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
 *
 * @throws Error for a malformed identity source
 */
export function decider(
  authorizer: Authorizer,
  clock: () => number,
  limitMs = 10_000,
): (event: HttpApiEvent) => Promise<Decision> {
  const remembered = new Map<string, { readonly decision: Decision; readonly untilMs: number }>();
  const sources = authorizer.identitySource.map(identityReader);
  return async function decide(event) {
    const identity = sources.map((read) => read(event));
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
  const failed = (error: string): Decision => ({ kind: 'failed', error });
  try {
    const invocation = await Promise.race([authorizer.invoke(JSON.stringify(event)), late]);
    if (invocation === undefined) return failed('Authorizer timed out');
    if (invocation.functionError) return failed('The Lambda function returned an error');
    const value = JSON.parse(invocation.payload) as { isAuthorized?: unknown; context?: unknown } | null;
    if (typeof value?.isAuthorized !== 'boolean') return failed('The response has an invalid format');
    return { kind: value.isAuthorized ? 'allow' : 'deny', context: value.context ?? null };
  } catch (error) {
    return failed((error as Error).message);
  } finally {
    clearTimeout(timer);
  }
}

/** The event without a body, with its type, the route's ARN and the identity values. */
function authorizerEvent(event: HttpApiEvent, identitySource: readonly string[]): unknown {
  const { body: _body, isBase64Encoded: _encoded, ...head } = event;
  const { stage, http } = event.requestContext;
  const path = withinStage(event.rawPath, stage);
  return {
    ...head,
    type: 'REQUEST',
    routeArn: `arn:aws:execute-api:us-east-1:${accountId}:${apiId}/${stage}/${http.method}${path}`,
    identitySource: identitySource.length === 0 ? null : identitySource,
  };
}

/** Names of headers are compared without case, those of parameters with it. */
function identityReader(source: string): (event: HttpApiEvent) => string | undefined {
  const header = /^\$request\.header\.(.+)$/.exec(source)?.[1]?.toLowerCase();
  if (header !== undefined) return ({ headers }) => headers[header];
  const parameter = /^\$request\.querystring\.(.+)$/.exec(source)?.[1];
  if (parameter !== undefined)
    return ({ queryStringParameters }) =>
      Object.hasOwn(queryStringParameters ?? {}, parameter) ? queryStringParameters?.[parameter] : undefined;
  const variable = /^\$context\.(.+)$/.exec(source)?.[1];
  if (variable === undefined) throw new Error(`identity source ${source}: not one that this emulator knows`);
  const read = contextVariable(variable);
  return (event) => read({ event });
}
