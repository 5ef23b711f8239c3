import type { Socket } from 'node:net';
import type { Reply } from '../verdict.ts';

/** Where to connect: a name or an address (IPv6 without brackets) and a port. */
export interface Destination {
  readonly host: string;
  readonly port: number;
}

/** A transport may be asked at any time whether connections can be made, and whether those made before still live. */
export type Readiness =
  | {
      readonly ready: true;
      /** Rises whenever connections made before should no longer be used for new requests. */
      readonly epoch: number;
    }
  | { readonly ready: false; readonly code: string; readonly detail: string };

/** The way to a target: a dialer. */
export interface Transport {
  /**
   * Connects within the given time; may try more than once, for before a connection stands no byte was sent.
   *
   * @throws ConnectError
   */
  connect(destination: Destination, withinMs: number): Promise<Socket>;
  /** Answers at once when there is nothing to ask: it is called before each request. */
  ready(withinMs: number): Readiness | Promise<Readiness>;
  close(): Promise<void>;
}

/** A connection that was not made; carries the reply that says why. No byte of a request was sent. */
export class ConnectError extends Error {
  readonly reply: Reply;

  constructor(reply: Reply, options?: ErrorOptions) {
    super(`${reply.code}: ${reply.detail ?? reply.title}`, options);
    this.name = 'ConnectError';
    this.reply = reply;
  }
}
