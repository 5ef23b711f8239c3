import type { Readable } from 'node:stream';
import { openExchange } from './admission.ts';
import { BodyError } from './body.ts';
import type { Exchange } from './exchange.ts';
import { answerHeaders, upstreamHeaders } from './headers.ts';
import { messageOf } from './message-of.ts';
import { type PipelineHost, runPipeline } from './pipeline.ts';
import type { Answer, BodyTransform } from './plugin.ts';
import { renderReply } from './problem.ts';
import { gatewayRefusals, upstreamRefusals } from './refusal.ts';
import type { IncomingRequest } from './request.ts';
import type { Route } from './route.ts';
import type { Router } from './router.ts';
import type { Handling, Sink } from './sink.ts';
import type { Receiver, UpstreamCall } from './upstream/upstream.ts';
import type { Reply } from './verdict.ts';

export interface HandlingHost extends PipelineHost {
  readonly router: Router<Route>;
  /** Called once, after the last byte or the break-off; `exchange` is undefined when no route was found. */
  finished(record: FinishedRequest): void;
}

/** What is known of a request when it is over, for the log. */
export interface FinishedRequest {
  readonly id: string;
  readonly request: IncomingRequest;
  readonly exchange: Exchange | undefined;
  readonly status: number;
  readonly reply: Reply | undefined;
  readonly durationMs: number;
  /** Bytes of the answer's body. */
  readonly sentBytes: number;
  readonly brokenOff: string | undefined;
}

/** One request from its head to its last byte. */
export class RequestHandling implements Handling, Receiver {
  readonly #host: HandlingHost;
  readonly #request: IncomingRequest;
  readonly #sink: Sink;
  readonly #id: string;
  readonly #started: number;
  #exchange: Exchange | undefined;
  #call: UpstreamCall | undefined;
  #timer: NodeJS.Timeout | undefined;
  #transforms: readonly BodyTransform[] = noTransforms;
  #dropBody = false;
  #state: 'deciding' | 'waiting' | 'answering' | 'over' = 'deciding';
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
    const found = openExchange(this.#request, this.#id, this.#host);
    if ('kind' in found) return this.#answer(found);
    this.#exchange = found;
    const remainingMs = found.deadlineMs - this.#host.clock.now();
    this.#timer = setTimeout(onDeadline, remainingMs, this);
    try {
      this.#request.body.limit(found.chain.maxBodyBytes);
    } catch (error) {
      return this.#answer(replyFor(error));
    }
    runPipeline(found, this.#request.body, this.#host, (reply) => this.#decided(reply));
  }

  resume(): void {
    this.#call?.resume();
  }

  cancel(): void {
    if (this.#state === 'over') return;
    this.#call?.abort();
    this.#finish('the client closed the connection');
  }

  refuse(reply: Reply): void {
    if (this.#state === 'over') return;
    this.#call?.abort();
    this.#sentBytes = 0;
    this.#state = 'waiting';
    this.#answer(reply);
  }

  informational(status: number, headers: string[]): void {
    this.#sink.informational?.(status, answerHeaders(headers, this.#id));
  }

  head(status: number, received: string[]): void {
    const exchange = this.#exchange as Exchange;
    const answer: Answer = { status, headers: answerHeaders(received, this.#id) };
    const { respond } = exchange.route;
    if (respond !== 'full') reduce(answer, respond);
    try {
      for (const hook of exchange.chain.responseHeaders) hook(exchange, answer);
      if (exchange.chain.responseBody.length > 0) this.#startTransforms(exchange, answer);
    } catch (error) {
      this.#call?.abort();
      return this.#answer(gatewayRefusals.error(messageOf(error)));
    }
    this.#state = 'answering';
    this.#clearTimer();
    this.#status = answer.status;
    exchange.status = answer.status;
    this.#dropBody = respond !== 'full';
    const bodyless = this.#request.method === 'HEAD' || answer.status === 204 || answer.status === 304;
    this.#sink.head(answer.status, answer.headers, bodyless);
  }

  data(chunk: Uint8Array): boolean {
    if (this.#dropBody) return true;
    if (this.#transforms.length === 0) return this.#send(chunk);
    const transformed = this.#transform(chunk, 0);
    return transformed === undefined ? true : this.#send(transformed);
  }

  end(): void {
    try {
      this.#transforms.forEach((transform, index) => {
        const rest = transform.end?.();
        const last = rest === undefined ? undefined : this.#transform(rest, index + 1);
        if (last !== undefined) this.#send(last);
      });
    } catch (error) {
      return this.#breakOff(messageOf(error));
    }
    this.#sink.end();
    this.#finish(undefined);
  }

  fail(reply: Reply): void {
    if (this.#state === 'answering') this.#breakOff(`${reply.code}: ${reply.detail ?? reply.title}`);
    else this.#answer(reply);
  }

  #decided(reply: Reply | undefined): void {
    if (this.#state !== 'deciding') return;
    if (reply !== undefined) return this.#answer(reply);
    const exchange = this.#exchange as Exchange;
    let body: Uint8Array | Readable | null;
    try {
      body = this.#request.body.forward();
    } catch (error) {
      return this.#answer(replyFor(error));
    }
    this.#state = 'waiting';
    const declaredBytes =
      body === null || body instanceof Uint8Array ? undefined : this.#request.body.declaredBytes;
    this.#call = exchange.route.upstream.forward(
      {
        method: exchange.head.method,
        path: exchange.route.targetPath(exchange.head),
        headers: (host) => {
          const headers = upstreamHeaders(exchange, host);
          if (declaredBytes !== undefined) headers.push('content-length', String(declaredBytes));
          return headers;
        },
        body,
        deadlineMs: exchange.deadlineMs,
      },
      this,
    );
  }

  #startTransforms(exchange: Exchange, answer: Answer): void {
    const transforms: BodyTransform[] = [];
    for (const hook of exchange.chain.responseBody) {
      const transform = hook(exchange);
      if (transform !== undefined) transforms.push(transform);
    }
    if (transforms.length === 0) return;
    this.#transforms = transforms;
    removeHeader(answer.headers, 'content-length');
  }

  /** A chunk through the transforms from one on; undefined when one of them keeps it back. */
  #transform(chunk: Uint8Array, from: number): Uint8Array | undefined {
    let bytes: Uint8Array | undefined = chunk;
    for (let at = from; at < this.#transforms.length && bytes !== undefined; at += 1) {
      bytes = (this.#transforms[at] as BodyTransform).chunk(bytes);
    }
    return bytes;
  }

  #send(chunk: Uint8Array): boolean {
    this.#sentBytes += chunk.byteLength;
    return this.#sink.data(chunk);
  }

  /** The gateway's own answer, when nothing was sent yet. */
  #answer(reply: Reply): void {
    if (this.#state === 'over' || this.#state === 'answering') return;
    this.#state = 'answering';
    this.#reply = reply;
    this.#status = reply.status;
    if (this.#exchange !== undefined) {
      this.#exchange.status = reply.status;
      this.#exchange.code = reply.code;
      this.#exchange.detail = reply.detail;
    }
    const { headers, body } = renderReply(reply, this.#id);
    const bodyless = this.#request.method === 'HEAD' || reply.status === 204;
    this.#sink.head(reply.status, headers, bodyless);
    if (!bodyless && body.byteLength > 0) this.#send(body);
    this.#sink.end();
    this.#finish(undefined);
  }

  #breakOff(why: string): void {
    if (this.#state === 'over') return;
    this.#call?.abort();
    this.#sink.abort(new Error(why));
    this.#finish(why);
  }

  expire(): void {
    const { timeoutMs } = (this.#exchange as Exchange).route.upstream;
    const limit = `within the service's ${timeoutMs} ms or the platform's deadline`;
    // Before the call is given up: that ends the body too.
    const reply = this.#request.body.awaited
      ? gatewayRefusals['body-timeout'](`the client did not send it whole ${limit}`)
      : upstreamRefusals.timeout(`no answer ${limit}`);
    this.#call?.abort();
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
    if (exchange !== undefined) this.#runLogHooks(exchange);
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
    for (const hook of exchange.chain.log) {
      try {
        hook(exchange);
      } catch (error) {
        this.#host.log.error('log-hook-error', { id: this.#id, error: messageOf(error) });
      }
    }
  }
}

const noTransforms: readonly BodyTransform[] = Object.freeze([]);

function onDeadline(handling: RequestHandling): void {
  handling.expire();
}

/** What of the target's answer goes back, for the modes that keep the body to themselves. */
function reduce(answer: Answer, respond: 'headers' | 'status' | 'none'): void {
  const id = answer.headers.slice(-2);
  if (respond === 'headers') {
    removeHeader(answer.headers, 'content-length');
    removeHeader(answer.headers, 'content-encoding');
  } else answer.headers = id;
  if (respond === 'none') answer.status = 204;
  if (answer.status !== 204 && answer.status !== 304) answer.headers.push('content-length', '0');
}

function removeHeader(headers: string[], name: string): void {
  for (let at = headers.length - 2; at >= 0; at -= 2) {
    if ((headers[at] as string).toLowerCase() === name) headers.splice(at, 2);
  }
}

function replyFor(error: unknown): Reply {
  return error instanceof BodyError ? error.reply : gatewayRefusals.error(messageOf(error));
}
