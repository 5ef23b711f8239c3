import type { Socket } from 'node:net';
import type { Destination } from '../../base/net/destination.ts';
import type { Refusal } from '../answer/verdict.ts';
import type { Clock } from '../ports/clock.ts';
import type { TailnetPorts } from './tailnet/ports.ts';

/** A transport may be asked at any time whether connections can be made, and whether those made before still live. */
export type Readiness =
  | {
      readonly ready: true;
      /** Rises whenever connections made before should no longer be used for new requests. */
      readonly epoch: number;
    }
  | {
      readonly ready: false;
      readonly code: string;
      readonly detail: string;
      /** As above, where some of the targets may be reached all the same. */
      readonly epoch?: number;
    };

/**
 * Whether nothing can be reached, and why.
 *
 * A tunnel that stands while the targets it was proven against are silent is no reason: another target may answer, and of
 * one that does not, the dial finds out why.
 */
export function obstacle(readiness: Readiness): (Readiness & { readonly ready: false }) | undefined {
  return readiness.ready || readiness.code === 'tunnel:target-unreachable' ? undefined : readiness;
}

/** The way to a target: a dialer. */
export interface Transport {
  /**
   * Connects within the given time; may try more than once, for before a connection stands no byte was sent.
   *
   * @throws ConnectError
   */
  connect(destination: Destination, withinMs: number): Promise<Socket>;
  /** Answers at once when there is nothing to ask: it is called before each request. Never rejects, never outlasts its time. */
  ready(withinMs: number): Readiness | Promise<Readiness>;
  close(): Promise<void>;
}

/** What a host lends to a transport. */
export interface TransportPorts {
  readonly clock: Clock;
  readonly tailnet: TailnetPorts;
  /**
   * Whether this machine is a sandbox, as on AWS Lambda: its own addresses serve the runtime and credentials and are never meant,
   * so `direct` is guarded too, by the names in the configuration and by the addresses that they resolve to.
   */
  readonly sandboxed?: boolean;
}

export type CreateTransport = (ports: TransportPorts) => Transport;

/**
 * One way to reach targets, as `transport:` of a service names it. To add one: its file, and a line in transports/index.ts.
 */
export interface TransportKind {
  readonly name: string;
  /** How it is written in a configuration, such as `socks5://HOST:PORT`. */
  readonly form: string;
  /**
   * Whether targets must pass the target guard: true where connections start at another machine or process than this one,
   * whose loopback and metadata addresses nobody means to offer.
   */
  readonly guarded: boolean;
  /**
   * Reads the text of a configuration.
   *
   * @returns undefined when it names another kind
   * @throws ConfigurationError when it names this one and is wrong
   */
  parse(text: string): CreateTransport | undefined;
}

/** A connection that was not made; carries the reply that says why. No byte of a request was sent. */
export class ConnectError extends Error {
  readonly reply: Refusal;

  constructor(reply: Refusal, options?: ErrorOptions) {
    super(`${reply.code}: ${reply.detail ?? reply.title}`, options);
    this.name = 'ConnectError';
    this.reply = reply;
  }

  /** The stable code, such as `upstream:connection-refused`. */
  get code(): string {
    return this.reply.code;
  }
}
