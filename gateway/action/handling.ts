import { messageOf } from '../../base/message-of.ts';
import { renderReply } from '../answer/problem.ts';
import { gatewayRefusals } from '../answer/refusal.ts';
import { BrokenOff, type Handling, type Sink } from '../answer/sink.ts';
import { isBodyless, type Refusal, type Reply } from '../answer/verdict.ts';
import type { FinishedRequest } from '../observe/finished-request.ts';
import { type PipelineHost, PipelineRun } from '../pipeline/pipeline.ts';
import type { Answer, BodyTransform } from '../plugin/plugin.ts';
import { BodyError } from '../request/body.ts';
import type { Exchange } from '../request/exchange.ts';
import { answerHeaders, upstreamHeaders } from '../request/headers.ts';
import type { IncomingRequest } from '../request/request.ts';
import { openExchange } from '../routing/admission.ts';
import type { Route } from '../routing/route.ts';
import type { Router } from '../routing/router.ts';
import { upstreamRefusals } from '../upstream/refusals.ts';
import type { Receiver, UpstreamCall } from '../upstream/upstream.ts';
import {
  bytesOf,
  frameBodyless,
  mustBeNothing,
  openTransforms,
  reduce,
  runHeaderHooks,
  transformed,
} from './answer-hooks.ts';

export interface HandlingHost extends PipelineHost {
  readonly router: Router<Route>;
  /** Called once, after the last byte or the break-off; `exchange` is undefined when no route was found. */
  finished(record: FinishedRequest): void;
}

/**
 * One request from its head to its last byte.
 *
 * Most of its methods are called by a socket, a timer or a promise, which could do nothing with an exception: each ends in
 * `#broke`, which answers at once.
 */
export class RequestHandling implements Handling, Receiver {
  readonly #host: HandlingHost;
  readonly #request: IncomingRequest;
  readonly #sink: Sink;
  readonly #id: string;
  readonly #started: number;
  #exchange: Exchange | undefined;
  #route: Route | undefined;
  #run: PipelineRun | undefined;
  #call: UpstreamCall | undefined;
  #timer: NodeJS.Timeout | undefined;
  #transforms: readonly BodyTransform[] = noTransforms;
  #dropBody = false;
  #droppedBytes = 0;
  #state: 'deciding' | 'waiting' | 'answering' | 'over' = 'deciding';
  /** The sink took a head: from here on an answer can only break off. */
  #headSent = false;
  #status = 0;
  #reply: Reply | undefined;
  #sentBytes = 0;

  constructor(host: HandlingHost, request: IncomingRequest, sink: Sink, id: string) {
    this.#host = host;
    this.#request = request;
    this.#sink = sink;
    this.#id = id;
    this.#started = host.clock.monotonic();
  }

  start(): void {
    try {
      const found = openExchange(this.#request, this.#id, this.#host);
      if ('kind' in found) return this.#answer(found);
      this.#exchange = found.exchange;
      this.#route = found.route;
      const remainingMs = found.exchange.deadlineMs - this.#host.clock.now();
      this.#timer = setTimeout(onDeadline, remainingMs, this);
      const done = (reply: Reply | undefined) => this.#decided(reply);
      this.#run = new PipelineRun(found.exchange, found.route, this.#request.body, this.#host, done);
      this.#run.start();
    } catch (error) {
      this.#broke(error);
    }
  }

  resume(): void {
    try {
      this.#call?.resume();
    } catch (error) {
      this.#broke(error);
    }
  }

  cancel(): void {
    if (this.#state === 'over') return;
    this.#giveUp();
    this.#finish('the client closed the connection');
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

  informational(status: number, received: string[]): void {
    const exchange = this.#exchange as Exchange;
    // In the other modes the client gets less than the target's head, or a status that is not its own.
    const route = this.#route as Route;
    if (this.#state !== 'waiting' || route.respond !== 'full') return;
    try {
      const answer: Answer = { status, headers: answerHeaders(received, this.#id) };
      frameBodyless(answer);
      route.rewriteLocations?.(exchange, answer.headers);
      const { chain } = this.#run as PipelineRun;
      if (chain.responseHeaders.length > 0) runHeaderHooks(chain, exchange, answer);
      this.#sink.informational?.(answer.status, answer.headers);
    } catch (error) {
      this.#broke(error);
    }
  }

  head(status: number, received: string[]): void {
    if (this.#state !== 'waiting') return;
    try {
      this.#head(status, received);
    } catch (error) {
      this.#broke(error);
    }
  }

  data(chunk: Uint8Array): boolean {
    if (this.#state !== 'answering') return true;
    if (this.#dropBody) return this.#drop(chunk);
    try {
      if (this.#transforms.length === 0) return this.#send(chunk);
      const bytes = transformed(this.#transforms, chunk, 0);
      return bytes === undefined ? true : this.#send(bytes);
    } catch (error) {
      this.#broke(error);
      return true;
    }
  }

  end(): void {
    if (this.#state !== 'answering') return;
    try {
      this.#transforms.forEach((transform, index) => {
        const rest = bytesOf(transform.end?.());
        const last = rest === undefined ? undefined : transformed(this.#transforms, rest, index + 1);
        if (last !== undefined && !this.#dropBody) this.#send(last);
      });
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
      if (reply === undefined) this.#forward();
      else this.#answer(reply);
    } catch (error) {
      this.#broke(error);
    }
  }

  #forward(): void {
    const exchange = this.#exchange as Exchange;
    const body = this.#request.body.forward();
    this.#state = 'waiting';
    const declaredBytes =
      body === null || body instanceof Uint8Array ? undefined : this.#request.body.declaredBytes;
    const route = this.#route as Route;
    this.#call = route.upstream.forward(
      {
        method: exchange.head.method,
        path: route.targetPath(exchange.head),
        headers: (host) => {
          const headers = upstreamHeaders(exchange, route.clientHost ? exchange.head.authority : host);
          if (declaredBytes !== undefined) headers.push('content-length', String(declaredBytes));
          return headers;
        },
        body,
        deadlineMs: exchange.deadlineMs,
        attempts: exchange.attempts,
      },
      this,
    );
  }

  #head(status: number, received: string[]): void {
    const exchange = this.#exchange as Exchange;
    const answer: Answer = { status, headers: answerHeaders(received, this.#id) };
    const { respond, rewriteLocations } = this.#route as Route;
    rewriteLocations?.(exchange, answer.headers);
    if (respond !== 'full') reduce(answer, respond);
    const { chain } = this.#run as PipelineRun;
    if (chain.responseHeaders.length > 0) runHeaderHooks(chain, exchange, answer);
    if (chain.responseBody.length > 0) this.#transforms = openTransforms(chain, exchange, answer);
    this.#clearTimer();
    this.#status = answer.status;
    exchange.status = answer.status;
    frameBodyless(answer);
    const bodyless = this.#request.method === 'HEAD' || isBodyless(answer.status);
    this.#dropBody = respond !== 'full' || bodyless;
    this.#sendHead(answer.status, answer.headers, bodyless);
  }

  #sendHead(status: number, headers: string[], bodyless: boolean): void {
    this.#state = 'answering';
    this.#sink.head(status, headers, bodyless);
    this.#headSent = true;
  }

  /** The client has all that it gets: a short rest is read, so that the target's connection can be kept. */
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

  /** The gateway's own answer, when nothing was sent yet. */
  #answer(reply: Reply): void {
    if (this.#state === 'over' || this.#state === 'answering') return;
    this.#clearTimer();
    this.#reply = reply;
    this.#status = reply.status;
    if (this.#exchange !== undefined) {
      this.#exchange.status = reply.status;
      this.#exchange.code = reply.code;
      this.#exchange.detail = reply.detail;
    }
    const { headers, body } = renderReply(reply, this.#id);
    const bodyless = this.#request.method === 'HEAD' || isBodyless(reply.status);
    this.#sendHead(reply.status, headers, bodyless);
    if (!bodyless && body.byteLength > 0) this.#send(body);
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

  /** Something failed that must not, and nobody waits who could be told: the request ends here and now. */
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
      // The host takes no answer either.
      this.#finish(messageOf(again));
    }
  }

  #giveUp(why?: Refusal): void {
    try {
      this.#call?.abort(why);
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
    const { timeoutMs } = (this.#route as Route).upstream;
    const limit = `within the service's ${timeoutMs} ms or the platform's deadline`;
    // Before the call is given up: that ends the body too.
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
    const exchange = this.#exchange;
    if (exchange !== undefined) {
      exchange.isOver = true;
      this.#runLogHooks(exchange);
    }
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

  #runLogHooks(exchange: Exchange): void {
    for (const hook of (this.#run?.chain ?? (this.#route as Route).chain).log) {
      try {
        mustBeNothing(hook(exchange) as unknown);
      } catch (error) {
        this.#host.log.error('log-hook-error', { id: this.#id, error: messageOf(error) });
      }
    }
  }
}

/** Of a body that does not go to the client, before the call is given up. */
const maxDroppedBytes = 64 * 1024;

const noTransforms: readonly BodyTransform[] = Object.freeze([]);

function onDeadline(handling: RequestHandling): void {
  handling.expire();
}

function replyFor(error: unknown): Refusal {
  return error instanceof BodyError ? error.reply : gatewayRefusals.error(messageOf(error));
}
