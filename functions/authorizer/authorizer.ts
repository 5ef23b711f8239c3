import { type Clock, limited } from '../../base/clock.ts';
import type { Log, LogFields } from '../../base/log.ts';
import { messageOf } from '../../base/message-of.ts';
import { normalizeIp } from '../../base/net/address.ts';
import { cut, most, type Reply, refusals } from '../../gateway/index.ts';
import type { EdgeCheck } from '../edge.ts';
import type { HttpApiEvent, LambdaContext } from '../payload.ts';
import { type ReceivedEvent, readRequest, takeEvent, WrongEvent, wrongEvent } from '../read-event.ts';
import { requestPath } from '../request-path.ts';

/** API Gateway's simple response. Its access log can show what is in `context`, such as `$context.authorizer.code`. */
export interface AuthorizerAnswer {
  readonly isAuthorized: boolean;
  readonly context?: {
    readonly code?: string;
    /** The client's address behind the edge, which API Gateway does not know. */
    readonly source?: string;
  };
}

/** Returns undefined to admit a request, or a reply to refuse it. An exception refuses. */
export type AccessCheck = (
  event: HttpApiEvent,
  deadlineMs: number,
) => Reply | undefined | Promise<Reply | undefined>;

export interface AuthorizerParts {
  /** Set when the functions are behind the edge. */
  readonly edgeCheck?: EdgeCheck | undefined;
  /** All of them must admit the request; they run one after another. */
  readonly checks: readonly AccessCheck[];
  readonly clock: Clock;
  readonly log: Log;
}

export type Authorizer = (event: unknown, context: LambdaContext) => Promise<AuthorizerAnswer>;

export const authorizerRefusals = refusals('authorizer', {
  source: [403, 'The source address is not admitted'],
  event: [500, 'The authorizer was given an event that is not its own'],
  misconfigured: [503, 'The authorizer has no valid configuration'],
  timeout: [503, 'The decision took too long'],
  error: [500, 'The request was refused because of an internal error'],
});

/** API Gateway waits 10 s for an authorizer and then answers 500. */
const maxWaitMs = 9_000;
const marginMs = 250;

/** Makes the handler of a REQUEST authorizer with payload format 2.0 and simple responses. It never throws: every failure refuses. */
export function createAuthorizer({ edgeCheck, checks, clock, log }: AuthorizerParts): Authorizer {
  async function decide(asked: Asked, deadlineMs: number): Promise<Reply | 'admitted'> {
    if (checks.length === 0)
      return authorizerRefusals.misconfigured('nothing is configured that could admit');
    let checked = readRequest(asked.received);
    if (edgeCheck !== undefined && checked.event !== undefined) {
      checked = await edgeCheck(checked.event);
      asked.viewer = checked.event?.requestContext.http.sourceIp;
    }
    if (checked.event === undefined) return checked.reply;
    for (const check of checks) {
      const reply = await check(checked.event, deadlineMs);
      if (reply !== undefined) return reply;
    }
    return 'admitted';
  }

  return async function authorize(event, context) {
    let reply: Reply | 'admitted';
    let asked: Asked | undefined;
    try {
      const received = takeEvent(event, 'authorizer');
      if (received === undefined) throw await wrongEvent(event, 'authorizer');
      asked = { received, viewer: undefined };
      const waitMs = Math.min(context.getRemainingTimeInMillis() - marginMs, maxWaitMs);
      const decision = decide(asked, clock.now() + waitMs);
      const late = () => authorizerRefusals.timeout(`no decision within ${waitMs} ms`);
      reply = (await limited(clock, decision, waitMs)) ?? late();
    } catch (error) {
      reply = authorizerRefusals[error instanceof WrongEvent ? 'event' : 'error'](messageOf(error));
    }
    const seen = asked?.viewer === undefined ? undefined : { source: asked.viewer };
    if (reply === 'admitted') return { isAuthorized: true, ...(seen !== undefined && { context: seen }) };
    log.warn('refused', {
      ...(asked !== undefined && seenIn(asked)),
      code: reply.code,
      ...(reply.detail !== undefined && { detail: cut(reply.detail, most.text) }),
    });
    return { isAuthorized: false, context: { code: reply.code, ...seen } };
  };
}

interface Asked {
  readonly received: ReceivedEvent;
  /** The client's address behind the edge, once the edge has proven itself. */
  viewer: string | undefined;
}

/** Refuses everything. Logs the reason at once and with each request. */
export function refuseAll(problem: string, log: Log): AccessCheck {
  log.error('misconfigured', { problems: [problem] });
  return () => authorizerRefusals.misconfigured(problem);
}

/** Path and address in the forms in which the forwarder logs them, so that a log can be searched for them. */
function seenIn({ received, viewer }: Asked): LogFields {
  const { rawPath, requestContext } = received;
  const { requestId, stage, http } = requestContext;
  return {
    id: cut(requestId, most.id),
    source: cut(viewer ?? normalizeIp(http.sourceIp) ?? http.sourceIp, most.source),
    method: cut(http.method, most.method),
    path: cut(requestPath(rawPath, stage), most.path),
  };
}
