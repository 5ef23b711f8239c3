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
   * Connects within the given time. It may try more than once, because no byte is sent before a connection is made.
   *
   * @throws ConnectError
   */
  connect(destination: Destination, withinMs: number): Promise<Socket>;
  /** Returns at once if it needs to ask nothing, because it is called before each request. Never rejects, never exceeds its time. */
  ready(withinMs: number): Readiness | Promise<Readiness>;
  close(): Promise<void>;
}

/** The parts that a host provides to a transport. */
export interface TransportPorts {
  readonly clock: Clock;
  /** The ports of the layer's extension. */
  readonly tailnet: TailnetPorts;
  /** The tunnel that the host itself owns. It replaces the extension's. */
  readonly tunnel?: TunnelOwner | undefined;
  /**
   * Whether this machine is a sandbox, as on AWS Lambda. Its own addresses serve the runtime and credentials and are never intended
   * targets, so `direct` is guarded too: by the names in the configuration and by the addresses that they resolve to.
   */
  readonly sandboxed?: boolean;
}

export type CreateTransport = (ports: TransportPorts) => Transport;

/**
 * One way to reach targets, selected by `transport:` of a service. To add one: its file, and a line in transports/index.ts.
 */
export interface TransportKind {
  readonly name: string;
  /**
   * Whether targets must pass the target guard: true if connections start at another machine or process, whose loopback and metadata
   * addresses are never intended targets.
   */
  readonly guarded: boolean;
  /**
   * Reads the text of a configuration.
   *
   * @returns undefined if it names another kind
   * @throws ConfigurationError if it names this one and is wrong
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
