import { connect, createServer, type Server, type Socket } from 'node:net';

/** Where a connection goes: a unix socket, a port, or nowhere, with the reply of RFC 1928 section 6 that says why. */
export type SocksRoute =
  | { readonly path: string }
  | { readonly host: string; readonly port: number }
  | { readonly refuse: SocksReplyCode };

/** The replies of RFC 1928 section 6, as numbers. */
export const replies = {
  failure: 1,
  notAllowed: 2,
  networkUnreachable: 3,
  hostUnreachable: 4,
  connectionRefused: 5,
  ttlExpired: 6,
  commandNotSupported: 7,
  addressNotSupported: 8,
} as const;

export type SocksReplyCode = (typeof replies)[keyof typeof replies];

/**
 * Decides where a connection to a host and a port goes. The host is the name that the client sent, or an address: IPv4 dotted, IPv6
 * in full without brackets. A promise that never settles makes the client wait.
 */
export type RouteSocks = (host: string, port: number) => SocksRoute | Promise<SocksRoute>;

export interface Socks5Server {
  readonly port: number;
  /** Ends every connection. */
  close(): Promise<void>;
}

/** A greeting has at most 257 bytes, a request 262; a client that sends more before it was answered is not a SOCKS5 client. */
const maxHandshakeBytes = 1024;
const handshakeMs = 10_000;

/**
 * Starts a small SOCKS5 server (RFC 1928): CONNECT without authentication, to names and to addresses of both families.
 *
 * The demo and the tests reach their private target through it. It has no authentication, no BIND and no UDP.
 */
export async function startSocks5Server(
  route: RouteSocks,
  port = 0,
  host = '127.0.0.1',
): Promise<Socks5Server> {
  const open = new Set<Socket>();
  function keep(socket: Socket): void {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  }
  const server = createServer({ allowHalfOpen: true, noDelay: true }, function serve(client) {
    keep(client);
    serveClient(client, route, keep);
  });
  await listen(server, port, host);
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function serveClient(client: Socket, route: RouteSocks, keep: (socket: Socket) => void): void {
  let received: Buffer = Buffer.alloc(0);
  let greeted = false;
  client.setTimeout(handshakeMs, () => client.destroy());
  client.on('error', () => client.destroy());
  client.on('data', onHandshake);
  client.on('end', onEarlyEnd);

  function onEarlyEnd(): void {
    client.destroy();
  }

  function onHandshake(chunk: Buffer): void {
    received = Buffer.concat([received, chunk]);
    if (received.length > maxHandshakeBytes) return void client.destroy();
    if (!greeted && !greet()) return;
    const request = readRequest(received);
    if (request === undefined) return;
    client.off('data', onHandshake).on('data', onEarlyData);
    if ('refuse' in request) return refuse(client, request.refuse);
    received = received.subarray(request.bytes);
    void forward(request.host, request.port);
  }

  /** Bytes that the client sends before it knows whether there is a connection. */
  function onEarlyData(chunk: Buffer): void {
    received = Buffer.concat([received, chunk]);
    if (received.length > maxHandshakeBytes) client.destroy();
  }

  /** Section 3: version, number of methods, methods; 0 is "no authentication". */
  function greet(): boolean {
    const [version, count] = received;
    if (version !== undefined && version !== 5) client.destroy();
    if (version !== 5 || count === undefined || received.length < 2 + count) return false;
    if (!received.subarray(2, 2 + count).includes(0)) {
      client.end(Buffer.from([5, 0xff]));
      return false;
    }
    client.write(Buffer.from([5, 0]));
    received = received.subarray(2 + count);
    greeted = true;
    return true;
  }

  async function forward(host: string, port: number): Promise<void> {
    let to: SocksRoute;
    try {
      to = await route(host, port);
    } catch {
      to = { refuse: replies.failure };
    }
    if (client.destroyed) return;
    if ('refuse' in to) return refuse(client, to.refuse);
    const target = connect({ ...to, allowHalfOpen: true });
    if ('port' in to) target.setNoDelay(true);
    keep(target);
    client.once('close', giveUp);
    function giveUp(): void {
      target.destroy();
    }
    target.once('error', (error: NodeJS.ErrnoException) => refuse(client, replyFor(error)));
    target.once('connect', () => {
      client.off('close', giveUp);
      join(client, target);
    });
  }

  function join(near: Socket, far: Socket): void {
    near.setTimeout(0);
    near.off('end', onEarlyEnd).off('data', onEarlyData);
    far.removeAllListeners('error').on('error', () => near.destroy());
    // The address that the connection started from is not revealed (section 6): 0.0.0.0:0.
    near.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
    if (received.length > 0) far.write(received);
    near.pipe(far).pipe(near);
    near.once('close', (failed) => failed && far.destroy());
    far.once('close', (failed) => failed && near.destroy());
  }
}

type SocksRequest =
  | { readonly host: string; readonly port: number; readonly bytes: number }
  | { readonly refuse: SocksReplyCode };

/** Section 4: version, command, reserved, type of address, address, port. Undefined while bytes are missing. */
function readRequest(bytes: Buffer): SocksRequest | undefined {
  const [version, command, , type, first] = bytes;
  if (version === undefined || command === undefined || type === undefined || first === undefined)
    return undefined;
  if (version !== 5) return { refuse: replies.failure };
  if (command !== 1) return { refuse: replies.commandNotSupported };
  const start = type === 3 ? 5 : 4;
  const length = { 1: 4, 3: first, 4: 16 }[type];
  if (length === undefined) return { refuse: replies.addressNotSupported };
  const end = start + length;
  if (bytes.length < end + 2) return undefined;
  const address = bytes.subarray(start, end);
  const host = type === 3 ? address.toString('latin1') : type === 1 ? address.join('.') : ipv6Text(address);
  return { host, port: bytes.readUInt16BE(end), bytes: end + 2 };
}

function ipv6Text(address: Buffer): string {
  return Array.from({ length: 8 }, (_, at) => address.readUInt16BE(at * 2).toString(16)).join(':');
}

function refuse(client: Socket, code: SocksReplyCode): void {
  client.end(Buffer.from([5, code, 0, 1, 0, 0, 0, 0, 0, 0]));
  client.resume();
}

function replyFor({ code }: NodeJS.ErrnoException): SocksReplyCode {
  if (code === 'ECONNREFUSED') return replies.connectionRefused;
  if (code === 'ENETUNREACH') return replies.networkUnreachable;
  if (code === 'EHOSTUNREACH' || code === 'ENOTFOUND' || code === 'ETIMEDOUT') return replies.hostUnreachable;
  return replies.failure;
}
