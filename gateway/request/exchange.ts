import { findHeader } from '../../base/http/headers.ts';
import type { CanonicalPath } from './path.ts';
import { UpstreamEdits } from './upstream-edits.ts';

/** The head of a request. It never changes. */
export interface Head {
  /** As the client sent it; methods are case-sensitive (RFC 9110 section 9.1). */
  readonly method: string;
  readonly path: CanonicalPath;
  /** The same path in the client's encoding. */
  readonly rawPath: string;
  /** The part after `?`, byte for byte; undefined if there is no `?`. */
  readonly query: string | undefined;
  /** Names and values in turn, in the order and case received, without names that servers read as another name. */
  readonly headers: readonly string[];
  /** The original spelling of names that the route allows and that have hyphens here; undefined if there are none. */
  readonly spellings?: ReadonlyMap<string, string> | undefined;
  /** The number of headers that were dropped for their names. */
  readonly droppedHeaders?: number;
  /** The name that the client asked for, normalized: lower case, without port and final dot. */
  readonly host: string;
  /** The host with the client's port. */
  readonly authority: string;
  readonly scheme: 'http' | 'https';
  /** The peer that connected (on AWS, the source address that API Gateway saw); never taken from a header. */
  readonly clientIp: string;
  /** The client's certificate in DER form, if the listener asked for one and verified it. */
  readonly peerCertificate?: Uint8Array | undefined;
}

/** The author of the request, as an authenticating plugin found out. */
export interface Subject {
  /** The name of that plugin. */
  readonly type: string;
  readonly id: string;
  readonly properties?: Readonly<Record<string, unknown>>;
}

/** One plugin's part in the decision, for the log, `postern explain` and metrics. */
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
  /** The status of the target's answer, once its head has arrived. */
  readonly status: number | undefined;
  /** Why it failed. Without status and code the call was cancelled because the client left. */
  readonly code: string | undefined;
  /** From its start to the head of the answer, or to the failure. */
  readonly ms: number;
}

/** The route that the request matched, as plugins and the log see it. */
export interface MatchedRoute {
  readonly name: string;
  /** Undefined if the route answers by itself. */
  readonly service: string | undefined;
}

/** One request on its way through the gateway. The few parts that plugins may change are listed last. */
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
  /** Plugins put values here for the names that they add to expressions, such as `webhook`. */
  readonly attributes: Record<string, unknown> = {};
  readonly trail: TrailEntry[] = [];
  /** In chronological order. */
  readonly attempts: AttemptEntry[] = [];
  /** The status of the answer, before plugins change it; 0 until there is one. */
  status = 0;
  /** The code of the reply, if the gateway answered itself. */
  code: string | undefined = undefined;
  detail: string | undefined = undefined;
  /** The size of the body as read or declared so far, in bytes; -1 while unknown. */
  bodySize = -1;
  /** The decision no longer matters: the client left, or has its answer. */
  isOver = false;
  /** The work of the expressions that judged this request, in steps; see expression/frame.ts. */
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
   * The value of a request header; undefined if it is missing. `name` is in lower case.
   *
   * A repeated header is joined with `, ` (RFC 9110 section 5.3), cookies with `; ` (RFC 9113 section 8.2.3).
   */
  header(name: string): string | undefined {
    return findHeader(this.head.headers, name);
  }

  /** Edits of the headers that the target sees. */
  get toUpstream(): UpstreamEdits {
    this.#toUpstream ??= new UpstreamEdits();
    return this.#toUpstream;
  }

  /** Applies the edits to the headers of an attempt. */
  editUpstream(headers: string[]): void {
    this.#toUpstream?.apply(headers);
  }
}
