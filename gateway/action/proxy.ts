import { removeHeader } from '../../base/http/headers.ts';
import type { Refusal } from '../answer/verdict.ts';
import type { Body } from '../request/body.ts';
import type { Exchange, Head } from '../request/exchange.ts';
import type { IsTakenAway } from '../request/header-names.ts';
import { endToEnd, upstreamHeaders } from '../request/headers.ts';
import { refuseAuthority } from '../request/path.ts';
import type { Action, Run } from '../routing/action.ts';
import type { RewriteLocations } from '../routing/answer-locations.ts';
import type { Receiver, Upstream, UpstreamCall } from '../upstream/upstream.ts';

/** The parts of the target's answer that the client gets. */
export type Respond = 'full' | 'headers' | 'status' | 'none';

export interface ProxyOptions {
  readonly service: string;
  readonly upstream: Upstream;
  readonly respond: Respond;
  /** The target sees the client's host instead of its own. */
  readonly clientHost: boolean;
  /** The headers that the target does not get from a client. */
  readonly isTakenAway: IsTakenAway;
  readonly rewriteLocations?: RewriteLocations | undefined;
  /** Makes the path and query for the target from the canonical path and the raw query. */
  readonly targetPath: (head: Head) => string;
}

/** Sends requests to a service and returns the answers of its targets. */
export function createProxy(options: ProxyOptions): Action {
  return new ProxyAction(options);
}

class ProxyAction implements Action {
  readonly timeoutMs: number;
  readonly #options: ProxyOptions;

  constructor(options: ProxyOptions) {
    this.timeoutMs = options.upstream.timeoutMs;
    this.#options = options;
  }

  describe(head: Head): string {
    const { service, targetPath } = this.#options;
    const [path, query] = targetPath(head).split('?', 2);
    return `it would go to ${service} as ${head.method} ${path}${query === undefined ? '' : '?…'}`;
  }

  /** Without its prefix a path may begin with two slashes. */
  refuse(head: Head): Refusal | undefined {
    return refuseAuthority(this.#options.targetPath(head));
  }

  takesOver(earlier: Action, head: Head): boolean {
    if (!(earlier instanceof ProxyAction)) return false;
    const [now, before] = [this.#options, earlier.#options];
    return (
      now.upstream === before.upstream &&
      now.respond === before.respond &&
      now.targetPath(head) === before.targetPath(head)
    );
  }

  start(exchange: Exchange, body: Body, receiver: Receiver): Run {
    return new ProxyRun(this.#options, exchange, receiver, body);
  }
}

/** One request to a service. */
class ProxyRun implements Run, Receiver {
  readonly #options: ProxyOptions;
  readonly #exchange: Exchange;
  readonly #receiver: Receiver;
  readonly #declaredBytes: number | undefined;
  readonly #call: UpstreamCall;

  constructor(options: ProxyOptions, exchange: Exchange, receiver: Receiver, body: Body) {
    const forwarded = body.forward();
    this.#options = options;
    this.#exchange = exchange;
    this.#receiver = receiver;
    this.#declaredBytes =
      forwarded === null || forwarded instanceof Uint8Array ? undefined : body.declaredBytes;
    this.#call = options.upstream.forward(
      {
        method: exchange.head.method,
        path: options.targetPath(exchange.head),
        headers: (host) => this.#headers(host),
        body: forwarded,
        deadlineMs: exchange.deadlineMs,
        attempts: exchange.attempts,
      },
      this,
    );
  }

  resume(): void {
    this.#call.resume();
  }

  abort(why?: Refusal): void {
    this.#call.abort(why);
  }

  informational(status: number, received: string[]): void {
    const { respond, rewriteLocations } = this.#options;
    // In the other modes the client gets only a part of the target's head, or another status.
    if (respond !== 'full') return;
    const headers = endToEnd(received);
    rewriteLocations?.(this.#exchange, headers);
    this.#receiver.informational(status, headers);
  }

  head(status: number, received: string[]): void {
    const { respond, rewriteLocations } = this.#options;
    const headers = endToEnd(received);
    rewriteLocations?.(this.#exchange, headers);
    if (respond === 'full') return this.#receiver.head(status, headers);
    const given = respond === 'none' ? 204 : status;
    this.#receiver.head(given, reduced(given, headers, respond), true);
  }

  data(chunk: Uint8Array): boolean {
    return this.#receiver.data(chunk);
  }

  end(): void {
    this.#receiver.end();
  }

  fail(reply: Refusal): void {
    this.#receiver.fail(reply);
  }

  #headers(host: string): string[] {
    const exchange = this.#exchange;
    const { clientHost, isTakenAway } = this.#options;
    const headers = upstreamHeaders(exchange, clientHost ? exchange.head.authority : host, isTakenAway);
    if (this.#declaredBytes !== undefined) headers.push('content-length', String(this.#declaredBytes));
    return headers;
  }
}

/** The headers of an answer without its body. */
function reduced(status: number, headers: string[], respond: Exclude<Respond, 'full'>): string[] {
  const given = respond === 'headers' ? headers : [];
  removeHeader(given, 'content-length');
  removeHeader(given, 'content-encoding');
  if (status !== 204 && status !== 304) given.push('content-length', '0');
  return given;
}
