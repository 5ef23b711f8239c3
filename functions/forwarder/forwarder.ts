import { after, type Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import {
  BytesBody,
  cut,
  type Gateway,
  gatewayRefusals,
  most,
  type Reply,
  renderReply,
  upstreamRefusals,
} from '../../gateway/index.ts';
import { AnswerSink } from '../answer-sink.ts';
import type { EdgeCheck } from '../edge.ts';
import type { HttpApiAnswer, HttpApiEvent, LambdaContext } from '../payload.ts';
import { type ReceivedEvent, readRequest, takeEvent, wrongEvent } from '../read-event.ts';
import { incomingRequest } from '../request.ts';

export interface ForwarderParts {
  /** Set when the function is behind the edge; a promise, because it reads its secret while the function starts. */
  readonly edgeCheck?: Promise<EdgeCheck> | undefined;
  /** Undefined while there is no valid configuration. */
  readonly gateway: () => Promise<Gateway | undefined>;
  readonly clock: Clock;
  readonly log: Log;
}

export type Forwarder = (event: unknown, context: LambdaContext) => Promise<HttpApiAnswer>;

/** Reserved at the end of the function's time, to hand the answer over. */
const marginMs = 500;

/** Makes the handler behind an HTTP API. Throws WrongEvent if the event is not a request of an HTTP API, and nothing else. */
export function createForwarder({ edgeCheck, gateway, clock, log }: ForwarderParts): Forwarder {
  return async function handle(event, context) {
    const received = takeEvent(event, 'forwarder');
    if (received === undefined) throw await wrongEvent(event, 'forwarder');
    const deadlineMs = answerBy(context, clock);
    let checked = readRequest(received);
    if (edgeCheck !== undefined && checked.event !== undefined)
      checked = await (await edgeCheck)(checked.event);
    if (checked.event === undefined) return answer(received, checked.reply, log);
    const ready = await gateway();
    if (ready === undefined) return answer(received, gatewayRefusals.misconfigured(), log);
    return forward(ready, checked.event, deadlineMs, clock);
  };
}

function forward(
  gateway: Gateway,
  event: HttpApiEvent,
  deadlineMs: number,
  clock: Clock,
): Promise<HttpApiAnswer> {
  return new Promise((resolve) => {
    // The gateway's own deadline is for the head; API Gateway needs the whole answer, and gets nothing from a function that runs out of time.
    const stopTimer = after(clock, deadlineMs - clock.now(), () => {
      const detail = "the answer was not whole before the function's time was up";
      handling.refuse(upstreamRefusals.timeout(detail));
    });
    const sink = new AnswerSink((answer) => {
      stopTimer();
      resolve(answer);
    });
    const handling = gateway.handle(incomingRequest(event, new BytesBody(event.body), deadlineMs), sink);
    sink.attach(handling);
  });
}

function answerBy(context: LambdaContext, clock: Clock): number {
  const remainingMs = context.getRemainingTimeInMillis();
  return clock.now() + Math.max(remainingMs - marginMs, remainingMs / 2);
}

/** Answers a request that the gateway does not take. */
function answer({ requestContext }: ReceivedEvent, reply: Reply, log: Log): Promise<HttpApiAnswer> {
  const { requestId, http } = requestContext;
  const { status, code, detail } = reply;
  const level = status >= 500 ? 'error' : 'warn';
  log[level]('request', {
    id: cut(requestId, most.id),
    status,
    code,
    ...(detail !== undefined && { detail: cut(detail, most.text) }),
  });
  const { headers, body } = renderReply(reply, requestId);
  return new Promise((resolve) => {
    const sink = new AnswerSink(resolve);
    const bodyless = http.method === 'HEAD';
    sink.head(status, headers, bodyless);
    if (!bodyless) sink.data(body);
    sink.end();
  });
}
