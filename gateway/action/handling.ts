import { messageOf } from '../../base/message-of.ts';
import { renderReply } from '../answer/problem.ts';
import { gatewayRefusals } from '../answer/refusal.ts';
import { replyFor } from '../answer/reply-error.ts';
import { BrokenOff, type Handling, type Sink } from '../answer/sink.ts';
import { isBodyless, type Refusal, type Reply } from '../answer/verdict.ts';
import type { FinishedRequest } from '../observe/finished-request.ts';
import { PipelineRun } from '../pipeline/pipeline.ts';
import { recallFrom } from '../pipeline/recall.ts';
import type { AnswerHead } from '../plugin/plugin.ts';
import type { Exchange } from '../request/exchange.ts';
import type { IncomingRequest } from '../request/request.ts';
import type { Run } from '../routing/action.ts';
import { type AdmissionHost, type Admitted, openExchange } from '../routing/admission.ts';
import type { Route } from '../routing/route.ts';
import { upstreamRefusals } from '../upstream/refusals.ts';
import type { Receiver } from '../upstream/upstream.ts';
import { frameBodyless, runAnswerHooks } from './answer-hooks.ts';
import type { Linked, RequestsUnderWay } from './under-way.ts';

export interface HandlingHost extends AdmissionHost {
  readonly requests: RequestsUnderWay<RequestHandling>;
  /** Called once, after the last byte or the break-off; `exchange` is undefined if no route was found. */
  finished(record: FinishedRequest): void;
}

/**
 * One request from its head to its last byte.
 *
 * Most methods are called by a socket, a timer or a promise, which cannot handle an exception. So each of them ends in `#broke`,
 * which answers at once.
 */
export class RequestHandling implements Handling, Receiver, Linked<RequestHandling> {
  earlier: RequestHandling | undefined = undefined;
  later: RequestHandling | undefined = undefined;
  #host: HandlingHost;
  readonly #request: IncomingRequest;
  readonly #sink: Sink;
  readonly #id: string;
  readonly #started: number;
  #exchange: Exchange | undefined;
  #route: Route | undefined;
  #pipeline: PipelineRun | undefined;
  #action: Run | undefined;
  #timer: NodeJS.Timeout | undefined;
  #dropBody = false;
  #droppedBytes = 0;
  #state: 'deciding' | 'waiting' | 'answering' | 'over' = 'deciding';
  /** The sink got a head: from now on an answer can only break off. */
  #headSent = false;
  #status = 0;
  #reply: Reply | undefined;
  #sentBytes = 0;
  /** A hook threw, or left a head that cannot be sent. */
  #hooksFailed = false;

  constructor(host: HandlingHost, request: IncomingRequest, sink: Sink, id: string) {
    this.#host = host;
    this.#request = request;
    this.#sink = sink;
    this.#id = id;
    this.#started = host.clock.monotonic();
  }

  start(): void {
    this.#host.requests.add(this);
    try {
      const found = openExchange(this.#request, this.#id, this.#host);
      if ('kind' in found) return this.#answer(found);
      this.#exchange = found.exchange;
      this.#route = found.route;
      const remainingMs = found.exchange.deadlineMs - this.#host.clock.now();
      this.#timer = setTimeout(onDeadline, remainingMs, this);
      const done = (reply: Reply | undefined) => this.#decided(reply);
      this.#pipeline = new PipelineRun(found.exchange, found.route, this.#request.body, this.#host, done);
      this.#pipeline.start();
    } catch (error) {
      this.#broke(error);
    }
  }

  resume(): void {
    try {
      this.#action?.resume();
    } catch (error) {
      this.#broke(error);
    }
  }

  cancel(): void {
    if (this.#state === 'over') return;
    this.#giveUp();
    this.#finish('the client closed the connection');
  }

  /**
   * Decides again under another configuration about a request whose answer has begun. It goes on there if it is admitted and the same service
   * answers in the same way, and is broken off if not. A request without an answer gets the reply.
   *
   * @returns whether it goes on; a plugin that decides late can still end it
   */
  moveTo(host: HandlingHost, otherwise: Refusal): boolean {
    const route = this.#route;
    try {
      if (this.#state !== 'answering' || route === undefined) this.#stop(otherwise);
      else {
        const found = openExchange(this.#request, this.#id, host);
        if ('kind' in found) this.#stop(refusalOf(found));
        else if (found.route.action.takesOver?.(route.action, found.exchange.head) !== true)
          this.#stop(otherwise);
        else this.#goOn(host, found);
      }
    } catch (error) {
      this.#broke(error);
    }
    return this.#state !== 'over';
  }

  #goOn(host: HandlingHost, { exchange, route }: Admitted): void {
    const before = this.#exchange as Exchange;
    const recall = recallFrom(before, (this.#pipeline as PipelineRun).chain);
    this.#host.requests.remove(this);
    this.#host = host;
    host.requests.add(this);
    this.#route = route;
    this.#exchange = exchange;
    exchange.status = before.status;
    exchange.bodySize = before.bodySize;
    exchange.attempts.push(...before.attempts);
    const undecided = () => this.#stop(gatewayRefusals.stopping('no plugin decided on it again in time'));
    // An earlier configuration may not have decided yet, and does not count any more.
    this.#clearTimer();
    this.#timer = setTimeout(undecided, exchange.deadlineMs - host.clock.now());
    const done = (reply: Reply | undefined) => {
      if (this.#exchange !== exchange) return;
      this.#clearTimer();
      if (reply !== undefined) this.#stop(refusalOf(reply));
    };
    this.#pipeline = new PipelineRun(exchange, route, this.#request.body, host, done, recall);
    this.#pipeline.start();
  }

  #stop(reply: Refusal): void {
    if (this.#state === 'over') return;
    this.#giveUp(reply);
    this.fail(reply);
  }

  refuse(reply: Refusal): void {
    if (this.#state === 'over') return;
    try {
      this.#giveUp();
      this.#sentBytes = 0;
      this.#state = 'waiting';
      this.#headSent = false;
      this.#answer(reply);
    } catch (error) {
      this.#broke(error);
    }
  }

  informational(status: number, headers: string[]): void {
    if (this.#state !== 'waiting') return;
    try {
      headers.push('x-request-id', this.#id);
      const answer: AnswerHead = { status, headers };
      frameBodyless(answer);
      this.#runHooks(answer);
      this.#sink.informational?.(answer.status, answer.headers);
    } catch (error) {
      this.#broke(error);
    }
  }

  head(status: number, headers: string[], dropsBody = false): void {
    if (this.#state !== 'waiting') return;
    try {
      headers.push('x-request-id', this.#id);
      this.#begin({ status, headers }, dropsBody);
    } catch (error) {
      this.#broke(error);
    }
  }

  data(chunk: Uint8Array): boolean {
    if (this.#state !== 'answering') return true;
    if (this.#dropBody) return this.#drop(chunk);
    try {
      return this.#send(chunk);
    } catch (error) {
      this.#broke(error);
      return true;
    }
  }

  end(): void {
    if (this.#state !== 'answering') return;
    try {
      this.#sink.end();
      this.#finish(undefined);
    } catch (error) {
      this.#broke(error);
    }
  }

  fail(reply: Refusal): void {
    try {
      if (this.#state === 'answering') this.#breakOff(reply);
      else this.#answer(reply);
    } catch (error) {
      this.#broke(error);
    }
  }

  #decided(reply: Reply | undefined): void {
    if (this.#state !== 'deciding') return;
    try {
      if (reply === undefined) this.#act();
      else this.#answer(reply);
    } catch (error) {
      this.#broke(error);
    }
  }

  #act(): void {
    this.#state = 'waiting';
    const { action } = this.#route as Route;
    this.#action = action.start(this.#exchange as Exchange, this.#request.body, this);
  }

  /** Sends the head of an answer after the plugins changed it. */
  #begin(answer: AnswerHead, dropsBody: boolean): void {
    if (this.#exchange !== undefined) this.#exchange.status = answer.status;
    this.#runHooks(answer);
    this.#clearTimer();
    const { status, headers } = answer;
    this.#status = status;
    frameBodyless(answer);
    const bodyless = this.#request.method === 'HEAD' || isBodyless(status);
    this.#dropBody = dropsBody || bodyless;
    this.#state = 'answering';
    this.#sink.head(status, headers, bodyless);
    this.#headSent = true;
  }

  #runHooks(answer: AnswerHead): void {
    const chain = this.#pipeline?.chain;
    if (chain === undefined || chain.answer.length === 0 || this.#hooksFailed) return;
    // The answer about that does not run the hooks again, because this would never end.
    this.#hooksFailed = true;
    runAnswerHooks(chain, this.#exchange as Exchange, answer);
    this.#hooksFailed = false;
  }

  /** The client has its whole answer. A short rest is read, so that the connection to the target can be kept. */
  #drop(chunk: Uint8Array): boolean {
    this.#droppedBytes += chunk.byteLength;
    if (this.#droppedBytes > maxDroppedBytes) {
      this.#giveUp();
      this.end();
    }
    return true;
  }

  #send(chunk: Uint8Array): boolean {
    this.#sentBytes += chunk.byteLength;
    return this.#sink.data(chunk);
  }

  /** The gateway's own answer, if nothing was sent yet. */
  #answer(reply: Reply): void {
    if (this.#state === 'over' || this.#state === 'answering') return;
    this.#reply = reply;
    if (this.#exchange !== undefined) {
      this.#exchange.code = reply.code;
      this.#exchange.detail = reply.detail;
    }
    const { headers, body } = renderReply(reply, this.#id);
    this.#begin({ status: reply.status, headers }, false);
    if (!this.#dropBody && body.byteLength > 0) this.#send(body);
    this.#sink.end();
    this.#finish(undefined);
  }

  #breakOff(reply: Refusal): void {
    if (this.#state === 'over') return;
    this.#giveUp();
    const broken = new BrokenOff(reply);
    this.#sink.abort(broken);
    this.#finish(broken.message);
  }

  /** An unexpected failure without a caller to report it to: the request ends here. */
  #broke(error: unknown): void {
    const reply = replyFor(error);
    if (reply.status >= 500) this.#host.log.error('request-error', { id: this.#id, error: messageOf(error) });
    if (this.#state === 'over') return;
    this.#giveUp();
    try {
      if (this.#headSent) return this.#breakOff(reply);
      this.#state = 'waiting';
      this.#answer(reply);
    } catch (again) {
      // The host does not accept an answer either.
      this.#finish(messageOf(again));
    }
  }

  #giveUp(why?: Refusal): void {
    try {
      this.#action?.abort(why);
    } catch (error) {
      this.#host.log.error('request-error', { id: this.#id, error: messageOf(error) });
    }
  }

  expire(): void {
    try {
      this.#expire();
    } catch (error) {
      this.#broke(error);
    }
  }

  #expire(): void {
    const { timeoutMs } = (this.#route as Route).action;
    const limit = `within the service's ${timeoutMs} ms or the platform's deadline`;
    // Read before the call is stopped, which ends the body too.
    const reply = this.#request.body.awaited
      ? gatewayRefusals['body-timeout'](`the client did not send it whole ${limit}`)
      : upstreamRefusals.timeout(`no answer ${limit}`);
    this.#giveUp(reply);
    this.#answer(reply);
  }

  #clearTimer(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
  }

  #finish(brokenOff: string | undefined): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#clearTimer();
    this.#host.requests.remove(this);
    const exchange = this.#exchange;
    if (exchange !== undefined) exchange.isOver = true;
    this.#host.finished({
      id: this.#id,
      request: this.#request,
      exchange,
      status: this.#status,
      reply: this.#reply,
      durationMs: this.#host.clock.monotonic() - this.#started,
      sentBytes: this.#sentBytes,
      brokenOff,
    });
  }
}

/** The most that is read of a body that the client does not get, before the call is stopped. */
const maxDroppedBytes = 64 * 1024;

/** An answer that began cannot become another one. */
function refusalOf(reply: Reply): Refusal {
  return reply.kind === 'refuse'
    ? reply
    : gatewayRefusals.stopping(`it would get ${reply.status} ${reply.code} now`);
}

function onDeadline(handling: RequestHandling): void {
  handling.expire();
}
