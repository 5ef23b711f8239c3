import net from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { listen } from './listen.ts';

/** What a SOCKS5 server answers to CONNECT, by the port asked for: a reply code, silence, or bytes a few at a time. */
export type SocksReply = number | 'silence' | 'trickle' | 'hang up';

/** A SOCKS5 server without authentication that connects nowhere; it answers as the table says. */
export class FakeSocks {
  readonly asked: { readonly host: string; readonly port: number }[] = [];
  port = 0;
  readonly #replies: ReadonlyMap<number, SocksReply>;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();

  constructor(replies: Readonly<Record<number, SocksReply>>) {
    this.#replies = new Map(Object.entries(replies).map(([port, reply]) => [Number(port), reply]));
    this.#server = net.createServer((socket) => this.#serve(socket));
  }

  async start(): Promise<this> {
    this.port = await listen(this.#server);
    return this;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {}).setNoDelay();
    // The greeting, 05 01 00, comes in one packet, and so does the request: 05 01 00, then the type of the host.
    socket.once('data', () => {
      socket.write(Buffer.from([5, 0]));
      socket.once('data', (request) => {
        const host = request[3] === 3 ? request.subarray(5, -2).toString() : 'an address';
        const port = request.readUInt16BE(request.length - 2);
        this.asked.push({ host, port });
        void this.#answer(socket, this.#replies.get(port) ?? 1);
      });
    });
  }

  async #answer(socket: net.Socket, reply: SocksReply): Promise<void> {
    if (reply === 'silence') return;
    if (reply === 'hang up') return void socket.destroy();
    const bytes = Buffer.from([5, reply === 'trickle' ? 0 : reply, 0, 1, 0, 0, 0, 0, 0, 0]);
    if (reply !== 'trickle') return void socket.write(bytes);
    for (const byte of bytes) {
      socket.write(Buffer.from([byte]));
      await turn();
    }
  }
}
