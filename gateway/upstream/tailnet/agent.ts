import type { Agent, AgentOptions, ClientRequest } from 'node:http';
import http from 'node:http';
import { isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { SocksProxyAgent } from 'socks-proxy-agent';
import { withoutBrackets } from '../../../base/net/destination.ts';
import { notReadyReason, type Readiness } from '../readiness.ts';
import type { Transport } from '../transport.ts';
import { notReady } from './dialer.ts';
import { openTunnel, type TailnetOptions } from './options.ts';

export interface TailnetAgentOptions extends TailnetOptions {
  /** Further options of Node's http.Agent, such as `maxSockets`. `keepAlive` is on unless turned off here. */
  readonly agent?: AgentOptions;
}

/**
 * Makes an agent that reaches the tailnet, for node:http, node:https and every library that accepts one: axios, got, the AWS SDK.
 *
 * One agent serves http and https. A request waits until the tunnel is ready. A request that fails before a byte was sent has an error
 * with a stable `code`, such as `upstream:target-offline`.
 *
 * @example
 * const agent = tailnetAgent();
 * http.get('http://builder.example.ts.net:8080/', { agent }, (response) => { … });
 */
export function tailnetAgent(options: TailnetAgentOptions = {}): Agent {
  return new TailnetAgent(options);
}

type AddRequest = (this: Agent, request: ClientRequest, options: object) => void;
/** Missing in Node's types, but the method that gives a request to its agent, and that other agents override. */
const { addRequest } = http.Agent.prototype as unknown as { readonly addRequest: AddRequest };

type ConnectOptions = Parameters<SocksProxyAgent['connect']>[1];

/**
 * SocksProxyAgent gives Node's pooling an agent whose connections take time to make. Its own dial has no limit for an attempt and no
 * owner to ask for readiness, so connections come from the tunnel's dialer.
 */
class TailnetAgent extends SocksProxyAgent {
  readonly #transport: Transport;
  readonly #withinMs: number;
  readonly #epochOf = new WeakMap<Duplex, number>();
  #epoch = 0;

  constructor(options: TailnetAgentOptions) {
    const { transport, withinMs, socksPort } = openTunnel(options);
    super(`socks5h://127.0.0.1:${socksPort}`, { keepAlive: true, ...options.agent });
    this.#transport = transport;
    this.#withinMs = withinMs;
  }

  addRequest(request: ClientRequest, options: object): void {
    // Detected from the call stack, which shows node:https only now.
    const marked = { ...options, secureEndpoint: this.isSecureEndpoint(options as ConnectOptions) };
    const readiness = this.#transport.ready(this.#withinMs);
    if (!(readiness instanceof Promise)) return this.#begin(readiness, request, marked);
    readiness
      .then((later) => this.#begin(later, request, marked))
      .catch((error: Error) => endWithout(request, error));
  }

  override async connect(_request: ClientRequest, options: ConnectOptions): Promise<Socket | TLSSocket> {
    const epoch = this.#epoch;
    const host = withoutBrackets(options.host ?? 'localhost');
    const socket = await this.#transport.connect({ host, port: Number(options.port) }, this.#withinMs);
    const connected = options.secureEndpoint ? secure(socket, host, options) : socket;
    this.#epochOf.set(connected, epoch);
    return connected;
  }

  /** Node asks this after a request whose connection could be kept. */
  override keepSocketAlive(socket: Duplex): boolean {
    const current = this.#epochOf.get(socket) === this.#epoch;
    // Node's types declare no return value; Node and its documentation use a boolean.
    return current && (super.keepSocketAlive(socket) as unknown as boolean);
  }

  #begin(readiness: Readiness, request: ClientRequest, options: object): void {
    // A request that was destroyed before it had a connection ends when it learns that it gets none.
    if (request.destroyed) return endWithout(request);
    const why = notReadyReason(readiness);
    if (why !== undefined) return endWithout(request, notReady(why));
    const { epoch = this.#epoch } = readiness;
    if (epoch > this.#epoch) this.#renew(epoch);
    addRequest.call(this, request, options);
  }

  /** Requests under way keep their connections until they end. */
  #renew(epoch: number): void {
    this.#epoch = epoch;
    for (const sockets of Object.values(this.freeSockets)) {
      for (const socket of sockets ?? []) socket.destroy();
    }
  }
}

/** Tells a request that it gets no connection; `destroy` alone would leave it waiting for one. */
function endWithout(request: ClientRequest, error?: Error): void {
  (request as unknown as { onSocket(socket: null, error?: Error): void }).onSocket(null, error);
}

/** TLS inside the tunnel. The handshake is not awaited: the request's writes wait for it, and its failure fails the request. */
function secure(socket: Socket, host: string, options: ConnectOptions): TLSSocket {
  const { path: _path, port: _port, ...rest } = options as unknown as Record<string, unknown>;
  const servername = isIP(host) === 0 ? { servername: host } : {};
  return connectTls({ ...servername, ...rest, host, socket });
}
