import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, type Clock, systemClock } from '../base/clock.ts';
import { ignore } from '../base/ignore.ts';
import { normalizeIp } from '../base/net/address.ts';
import { type Gateway, newRequestId, type Refusal, renderReply } from '../gateway/index.ts';
import type { ListenAddress } from './address.ts';
import { onClientError, onConnect, type RawHost, seenOf } from './client-error.ts';
import type { Connection } from './connection.ts';
import { declaredBytes, headBytes } from './framing.ts';
import { HeldHeads } from './held-heads.ts';
import { defaultLimits, type ListenerLimits } from './limits.ts';
import { RequestMemory } from './memory.ts';
import { RequestLine } from './protocol.ts';
import { httpRefusals } from './refusals.ts';
import { RequestBody } from './request-body.ts';
import { ResponseSink } from './response-sink.ts';
import { ServerRequest, SinkResponse } from './server-request.ts';
import { Watch } from './watch.ts';

export interface ListenOptions extends ListenAddress {
  readonly limits?: Partial<ListenerLimits>;
  /** Measures the listener's times, except those that Node measures: headers, requests, idle connections. Default: the machine's clock. */
  readonly clock?: Clock;
}

/** Who takes the requests: a gateway, or what replaces one gateway by another. */
export type RequestTaker = Pick<Gateway, 'handle' | 'refused'>;

/** What a server has in use. */
export interface ServerUsage {
  readonly connections: number;
  /** Requests whose answers are not sent in full. */
  readonly requests: number;
  /** What requests hold in memory. */
  readonly heldBytes: number;
}

export interface RunningServer {
  readonly address: ListenAddress;
  usage(): ServerUsage;
  /**
   * Accepts no new connection, lets requests under way finish, and cuts off the rest after `graceMs` or at `cutOff`.
   *
   * @returns how many connections were cut off
   */
  close(graceMs: number, cutOff?: AbortSignal): Promise<number>;
}

/**
 * Listens for HTTP/1.1 and hands each request to the gateway.
 *
 * Requests that are malformed, too slow or too large are answered here, with problem details and a closed
 * connection; the gateway never sees it. Upgrades are ignored (RFC 9110 section 7.8 allows that), CONNECT is refused.
 *
 * @throws the system's error when the address cannot be listened on
 */
export async function startServer(gateway: RequestTaker, options: ListenOptions): Promise<RunningServer> {
  const listener = new Listener(
    gateway,
    { ...defaultLimits, ...options.limits },
    options.clock ?? systemClock,
  );
  await listener.listen(options);
  return listener;
}

class Listener implements RunningServer, RawHost {
  readonly limits: ListenerLimits;
  readonly clock: Clock;
  address: ListenAddress = { host: '', port: 0 };
  stopping = false;
  readonly heads = new HeldHeads();
  readonly refused: Gateway['refused'];
  readonly #gateway: RequestTaker;
  readonly #server: Server<typeof ServerRequest, typeof SinkResponse>;
  readonly #connections = new Set<Connection>();
  readonly #memory: RequestMemory;
  readonly #watch: Watch;

  constructor(gateway: RequestTaker, limits: ListenerLimits, clock: Clock) {
    this.#gateway = gateway;
    this.refused = gateway.refused.bind(gateway);
    this.limits = limits;
    this.clock = clock;
    this.#memory = new RequestMemory(limits.memoryBytes, limits.memoryPerAddressBytes);
    this.#watch = new Watch(this.#connections, limits, clock);
    this.#server = createServer({
      IncomingMessage: ServerRequest,
      ServerResponse: SinkResponse,
      insecureHTTPParser: false,
      // The gateway refuses a missing host itself, with problem details.
      requireHostHeader: false,
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: Math.min(1_000, limits.headersTimeoutMs),
    });
    // Node would silently cut the list of headers off at its limit; it is counted here instead.
    this.#server.maxHeadersCount = 0;
    this.#server.maxConnections = limits.connections;
    // A client may close its side once it has sent its request (RFC 9112 section 9.6). Node closes after the answer then.
    (this.#server as { httpAllowHalfOpen?: boolean }).httpAllowHalfOpen = true;
    this.#server
      .on('connection', (connection: Connection) => this.#track(connection))
      .on('request', (request, response) => this.#onRequest(request, response, false))
      .on('checkContinue', (request, response) => this.#onRequest(request, response, true))
      .on('checkExpectation', (request, response) =>
        this.#refuse(request, response, httpRefusals.expectation(`expect: ${request.headers.expect}`)),
      )
      .on('connect', (request, connection) => onConnect(request, connection as Connection, this))
      .on('clientError', (error: NodeJS.ErrnoException, connection) =>
        onClientError(error, connection as Connection, this),
      );
  }

  listen({ host, port }: ListenAddress): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', reject);
        const { address, port: given } = this.#server.address() as AddressInfo;
        this.address = { host: address, port: given };
        this.#watch.start();
        resolve();
      });
    });
  }

  usage(): ServerUsage {
    let requests = 0;
    for (const { inFlight = 0 } of this.#connections) requests += inFlight;
    return { connections: this.#connections.size, requests, heldBytes: this.#memory.heldBytes };
  }

  async close(graceMs: number, cutOff?: AbortSignal): Promise<number> {
    this.stopping = true;
    let cut = 0;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    // Node counts a connection that never sent anything as busy.
    for (const connection of this.#connections) if (connection.bytesRead === 0) connection.destroy();
    const cutAll = () => {
      cut += this.#connections.size;
      this.#server.closeAllConnections();
    };
    const stopTimer = after(this.clock, graceMs, cutAll);
    cutOff?.addEventListener('abort', cutAll);
    await closed;
    // The server counts a connection as gone before its own listeners have run.
    while (this.#connections.size > 0) await new Promise((resolve) => setImmediate(resolve));
    stopTimer();
    cutOff?.removeEventListener('abort', cutAll);
    this.#watch.stop();
    return cut;
  }

  #track(connection: Connection): void {
    const clientIp = normalizeIp(connection.remoteAddress);
    // Reset before it was accepted: the client is unknown, and does not wait for an answer.
    if (clientIp === undefined) {
      connection.destroy();
      return;
    }
    const account = this.#memory.enter(clientIp);
    if (account.connections > this.limits.connectionsPerAddress) {
      this.#memory.leave(account);
      connection.destroy();
      return;
    }
    connection.clientIp = clientIp;
    connection.account = account;
    connection.requestLine = new RequestLine(connection);
    this.#connections.add(connection);
    // Node removes its own listener at CONNECT, and an error without a listener ends the process.
    connection.on('error', ignore);
    connection.once('close', () => {
      this.#connections.delete(connection);
      this.#memory.leave(account);
    });
  }

  #onRequest(request: ServerRequest, response: SinkResponse, awaited: boolean): void {
    const { broken, closing, inFlight = 0, clientIp, account } = request.socket as Connection;
    // The connection closes once the answers before this request are sent.
    if (broken || closing || (this.stopping && inFlight > 0)) return request.ignore();
    if (clientIp === undefined || account === undefined) return;
    if (inFlight >= this.limits.pipelined) {
      const reply = httpRefusals['too-many-pipelined'](`the limit is ${this.limits.pipelined}`);
      return this.#refuse(request, response, reply);
    }
    const declared = declaredBytes(request, this.limits.headerCount);
    if (typeof declared === 'object') return this.#refuse(request, response, declared);
    const bytes = headBytes(request);
    if (bytes > account.mostBytes) {
      const detail = `the head takes ${bytes} bytes of memory, one address may hold ${account.mostBytes}`;
      return this.#refuse(request, response, httpRefusals['headers-too-large'](detail));
    }
    if (!account.charge(bytes)) {
      const reply = httpRefusals.overloaded(account.full(bytes), ['retry-after', '1']);
      return this.#refuse(request, response, reply);
    }
    const sink = this.#open(request, response, declared);
    sink.chargedBytes = bytes;
    let ask: (() => void) | undefined;
    if (awaited && declared !== 0) {
      sink.bodyHeldBack = true;
      ask = function askForBody() {
        sink.bodyHeldBack = false;
        response.writeContinue();
      };
    }
    const body = new RequestBody(request, declared, account.mostBytes - bytes, ask);
    sink.body = body;
    sink.handling = this.#gateway.handle(
      {
        method: request.method as string,
        target: request.url as string,
        absoluteForm: true,
        headers: request.rawHeaders,
        clientIp,
        scheme: 'http',
        body,
      },
      sink,
    );
  }

  /** Answers a request that the gateway does not get, and closes the connection after it. */
  #refuse(request: ServerRequest, response: SinkResponse, reply: Refusal): void {
    const sink = this.#open(request, response, undefined);
    sink.closeAfter();
    const id = newRequestId();
    const { headers, body } = renderReply(reply, id);
    const isHead = request.method === 'HEAD';
    sink.head(reply.status, headers, isHead);
    if (!isHead) sink.data(body);
    sink.end();
    this.refused(seenOf(request.socket, request), id, reply, isHead ? 0 : body.byteLength);
  }

  #open(request: ServerRequest, response: SinkResponse, declared: number | undefined): ResponseSink {
    const sink = new ResponseSink(request, response, declared, this);
    const connection = request.socket as Connection;
    const { inFlight = 0 } = connection;
    if (inFlight > 0) sink.previous = connection.latest;
    connection.inFlight = inFlight + 1;
    connection.latest = sink;
    response.sink = sink;
    response.on('close', onResponseClose);
    return sink;
  }
}

function onResponseClose(this: SinkResponse): void {
  this.sink?.closed();
}
