import { findHeader } from '../../base/http/headers.ts';
import type { CanonicalPath } from './path.ts';
import { UpstreamEdits } from './upstream-edits.ts';

/** The head of a request. It never changes once the exchange exists. */
export interface Head {
  /** As the client sent it; methods are case-sensitive (RFC 9110 section 9.1). */
  readonly method: string;
  readonly path: CanonicalPath;
  /** The same path in the encoding that the client chose. */
  readonly rawPath: string;
  /** What follows `?`, byte for byte; undefined when there is no `?`. */
  readonly query: string | undefined;
  /** Names and values, flat, in the order and case received, less those with names that servers read as another name. */
  readonly headers: readonly string[];
  /** The spelling of names that the route allows and that are read with hyphens here; undefined when there are none. */
  readonly spellings?: ReadonlyMap<string, string> | undefined;
  /** How many headers were dropped for their names. */
  readonly droppedHeaders?: number;
  /** The name the client asked for in its one form: lower case, without port and final dot. */
  readonly host: string;
  /** The host with the port that the client named. */
  readonly authority: string;
  readonly scheme: 'http' | 'https';
  /** The peer that connected (or, on AWS, the source address API Gateway saw): never taken from a header. */
  readonly clientIp: string;
  /** The client's certificate in DER form, when the listener asked for one and it was verified. */
  readonly peerCertificate?: Uint8Array | undefined;
}

/** Who makes the request, as an authenticating plugin found. */
export interface Subject {
  readonly type: string;
  readonly id: string;
  readonly properties?: Readonly<Record<string, unknown>>;
}

/** One plugin's part in what happened, for the log, `postern explain` and metrics. */
export interface TrailEntry {
  readonly plugin: string;
  readonly result: 'next' | 'not-responsible' | 'refuse' | 'answer' | 'error';
  readonly reason?: string | undefined;
  readonly microseconds: number;
}

/** One attempt to get an answer from a target, for the log. */
export interface AttemptEntry {
  /** Scheme, host and port. */
  readonly target: string;
  /** Of the target's answer, once its head has come. */
  readonly status: number | undefined;
  /** Why it failed. Without a status and a code the call was given up, because the client left. */
  readonly code: string | undefined;
  /** From its start to the head of the answer, or to the failure. */
  readonly ms: number;
}

/** The route that the request matched, as plugins and the log see it. */
export interface MatchedRoute {
  readonly name: string;
  /** Undefined when the route answers by itself. */
  readonly service: string | undefined;
}

/** One request on its way through the gateway. What plugins may change is small and listed last. */
export class Exchange {
  readonly id: string;
  readonly head: Head;
  readonly route: MatchedRoute;
  /** When the answer must have begun, in milliseconds since the epoch. */
  readonly deadlineMs: number;
  /** When the head arrived, in milliseconds since the epoch. */
  readonly startedMs: number;

  subject: Subject | undefined = undefined;
  device: Subject | undefined = undefined;
  consumer: string | undefined = undefined;
  /** What plugins put here is read by the names that they add to expressions, such as `webhook`. */
  readonly attributes: Record<string, unknown> = {};
  readonly trail: TrailEntry[] = [];
  /** In the order in which they were made. */
  readonly attempts: AttemptEntry[] = [];
  /** The status sent to the client, once it is known; 0 before. */
  status = 0;
  /** The code of the reply, when the gateway answered itself. */
  code: string | undefined = undefined;
  detail: string | undefined = undefined;
  /** The size of the body as far as it was read or declared, in bytes; -1 while unknown. */
  bodySize = -1;
  /** Nobody waits for what is decided: the client left, or has its answer. */
  isOver = false;
  /** How much work the expressions that judged this request have done, in steps; see expression/frame.ts. */
  expressionSteps = 0;
  #toUpstream: UpstreamEdits | undefined = undefined;

  constructor(id: string, head: Head, route: MatchedRoute, startedMs: number, deadlineMs: number) {
    this.id = id;
    this.head = head;
    this.route = route;
    this.startedMs = startedMs;
    this.deadlineMs = deadlineMs;
  }

  /**
   * The value of a request header, or undefined; `name` in lower case.
   *
   * A repeated header is joined with `, ` (RFC 9110 section 5.3), cookies with `; ` (RFC 9113 section 8.2.3).
   */
  header(name: string): string | undefined {
    return findHeader(this.head.headers, name);
  }

  /** Edits of the headers that the target sees; `set`, `add` and `remove` throw for what no plugin may change. */
  get toUpstream(): UpstreamEdits {
    this.#toUpstream ??= new UpstreamEdits();
    return this.#toUpstream;
  }

  /** Carries out the edits on the headers of an attempt. */
  editUpstream(headers: string[]): void {
    this.#toUpstream?.apply(headers);
  }
}
