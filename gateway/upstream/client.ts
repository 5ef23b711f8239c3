import { buildConnector, type Dispatcher, Pool } from 'undici';
import { BodyError } from '../body.ts';
import { gatewayRefusals, upstreamRefusals } from '../refusal.ts';
import type { Reply } from '../verdict.ts';
import type { Target } from './target.ts';
import { ConnectError, type Readiness, type Transport } from './transport.ts';
import type { Call, Receiver, Upstream, UpstreamCall } from './upstream.ts';

export interface UpstreamOptions {
  readonly targets: readonly Target[];
  readonly transport: Transport;
  readonly timeoutMs: number;
}

/** How long a kept connection may lie idle; a target that announces less (Keep-Alive: timeout) is believed. */
const keepAliveMs = 60_000;
/** Between two chunks of an answer, when its head has come. */
const silenceMs = 60_000;
const connectMs = 10_000;

/** Makes the upstream of a service: undici's pools, one a target, over the transport's connections. */
export function createUpstream(options: UpstreamOptions): Upstream {
  return new PooledUpstream(options);
}

class PooledUpstream implements Upstream {
  readonly timeoutMs: number;
  readonly #transport: Transport;
  readonly #targets: readonly Target[];
  /** Targets in turn, each as often as its weight says. */
  readonly #turns: readonly number[];
  #turn = 0;
  #epoch = 0;
  #pools: Pool[];

  constructor({ targets, transport, timeoutMs }: UpstreamOptions) {
    this.#targets = targets;
    this.#transport = transport;
    this.timeoutMs = timeoutMs;
    this.#turns = interleave(targets.map((target) => target.weight));
    this.#pools = targets.map((target) => openPool(target, transport));
  }

  forward(call: Call, receiver: Receiver): UpstreamCall {
    const under = new PooledCall(
      call,
      receiver,
      (attempt) => this.#dispatch(call, attempt),
      this.#targets.length,
    );
    const readiness = this.#transport.ready(call.deadlineMs - Date.now());
    if (readiness instanceof Promise) {
      readiness.then(
        (later) => this.#begin(later, under),
        (error: unknown) => under.fail(replyOf(error)),
      );
    } else this.#begin(readiness, under);
    return under;
  }

  ready(withinMs: number): Readiness | Promise<Readiness> {
    return this.#transport.ready(withinMs);
  }

  async close(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.destroy()));
    await this.#transport.close();
  }

  #begin(readiness: Readiness, under: PooledCall): void {
    if (!readiness.ready)
      return under.fail(upstreamRefusals['tunnel-not-ready'](`${readiness.code}: ${readiness.detail}`));
    if (readiness.epoch !== this.#epoch) this.#renew(readiness.epoch);
    under.attempt();
  }

  /** Requests under way keep their connections until they end; new ones get new connections. */
  #renew(epoch: number): void {
    this.#epoch = epoch;
    for (const pool of this.#pools) pool.close().catch(ignore);
    this.#pools = this.#targets.map((target) => openPool(target, this.#transport));
  }

  #dispatch(call: Call, handler: PooledCall): void {
    const index = this.#turns[this.#turn] as number;
    this.#turn = (this.#turn + 1) % this.#turns.length;
    const target = this.#targets[index] as Target;
    (this.#pools[index] as Pool).dispatch(
      {
        path: target.basePath + call.path,
        method: call.method as Dispatcher.HttpMethod,
        headers: call.headers(target.authority),
        body: call.body,
      },
      handler,
    );
  }
}

/** One call, and undici's handler for it. A connection that was not made is tried at the next target. */
class PooledCall implements UpstreamCall, Dispatcher.DispatchHandler {
  readonly #call: Call;
  readonly #receiver: Receiver;
  readonly #dispatch: (self: PooledCall) => void;
  #attemptsLeft: number;
  #controller: Dispatcher.DispatchController | undefined;
  #over = false;

  constructor(call: Call, receiver: Receiver, dispatch: (self: PooledCall) => void, attempts: number) {
    this.#call = call;
    this.#receiver = receiver;
    this.#dispatch = dispatch;
    this.#attemptsLeft = attempts;
  }

  attempt(): void {
    if (this.#over) return;
    this.#attemptsLeft -= 1;
    try {
      this.#dispatch(this);
    } catch (error) {
      this.fail(replyOf(error));
    }
  }

  fail(reply: Reply): void {
    if (this.#over) return;
    this.#over = true;
    this.#receiver.fail(reply);
  }

  resume(): void {
    this.#controller?.resume();
  }

  abort(): void {
    if (this.#over) return;
    this.#over = true;
    this.#controller?.abort(aborted);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#over) controller.abort(aborted);
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (this.#over) return;
    const headers = decode(controller.rawHeaders as readonly Buffer[] | null);
    if (status < 200) this.#receiver.informational(status, headers);
    else this.#receiver.head(status, headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    if (!this.#over && !this.#receiver.data(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    if (this.#over) return;
    this.#over = true;
    this.#receiver.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#over) return;
    const again = error instanceof ConnectError && this.#attemptsLeft > 0 && isWhole(this.#call.body);
    if (again) this.attempt();
    else this.fail(replyOf(error));
  }
}

function openPool(target: Target, transport: Transport): Pool {
  const secure = buildConnector({ allowH2: false, timeout: connectMs });
  return new Pool(target.origin, {
    connections: 256,
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: keepAliveMs,
    keepAliveMaxTimeout: keepAliveMs,
    headersTimeout: 0,
    bodyTimeout: silenceMs,
    connect: function connectThroughTransport(options, callback) {
      transport.connect(target.destination, connectMs).then(
        (socket) => {
          if (options.protocol !== 'https:') return callback(null, socket.setNoDelay(true));
          secure({ ...options, httpSocket: socket }, (error, tlsSocket) => {
            if (error !== null)
              callback(
                new ConnectError(upstreamRefusals['tls-failed'](error.message), { cause: error }),
                null,
              );
            else callback(null, tlsSocket);
          });
        },
        (error: Error) => callback(error, null),
      );
    },
  });
}

/** Spreads the targets by weight: weights 3 and 1 give 0, 0, 1, 0 and not 0, 0, 0, 1 (smooth weighted round robin). */
export function interleave(weights: readonly number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const credit = weights.map(() => 0);
  return Array.from({ length: total }, function nextTurn() {
    weights.forEach((weight, index) => {
      credit[index] = (credit[index] as number) + weight;
    });
    const richest = credit.indexOf(Math.max(...credit));
    credit[richest] = (credit[richest] as number) - total;
    return richest;
  });
}

function decode(raw: readonly Buffer[] | null): string[] {
  const headers = new Array<string>(raw?.length ?? 0);
  for (let at = 0; at < headers.length; at += 1)
    headers[at] = ((raw as readonly Buffer[])[at] as Buffer).toString('latin1');
  return headers;
}

function isWhole(body: Call['body']): boolean {
  return body === null || body instanceof Uint8Array;
}

function replyOf(error: unknown): Reply {
  if (error instanceof ConnectError || error instanceof BodyError) return error.reply;
  const { code = '', message = String(error) } = error as { code?: string; message?: string };
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT')
    return upstreamRefusals.timeout(message);
  if (code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE')
    return upstreamRefusals.reset(message);
  if (
    code.startsWith('HPE_') ||
    code === 'UND_ERR_HEADERS_OVERFLOW' ||
    code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'
  ) {
    return upstreamRefusals['bad-answer'](message);
  }
  if (code === 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH') return gatewayRefusals['body-aborted'](message);
  if (code === 'UND_ERR_INVALID_ARG') return gatewayRefusals['bad-header'](message);
  return gatewayRefusals.error(message);
}

const aborted = new Error('the gateway stopped waiting for the target');

function ignore(): void {}
