import type { Socket } from 'node:net';
import type { Destination } from '../../base/net/destination.ts';
import { ReplyError } from '../answer/reply-error.ts';
import type { Clock } from '../ports/clock.ts';
import type { Readiness } from './readiness.ts';
import type { TunnelOwner } from './tailnet/owner.ts';
import type { TailnetPorts } from './tailnet/ports.ts';

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
  /** Where the layer's extension listens. */
  readonly tailnet: TailnetPorts;
  /** The tunnel that the host itself owns, which then takes the place of the extension's. */
  readonly tunnel?: TunnelOwner | undefined;
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

/** A connection that was not made. No byte of a request was sent. */
export class ConnectError extends ReplyError {
  /** The stable code, such as `upstream:connection-refused`. */
  get code(): string {
    return this.reply.code;
  }
}
