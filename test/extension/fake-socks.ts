import net from 'node:net';
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
    socket.on('error', () => {});
    let received = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      // 05 01 00, then 05 01 00 03, the length of the name, the name and the port.
      const end = 3 + 5 + (received[7] ?? 255) + 2;
      if (received.length < end) return;
      const host = received.subarray(8, end - 2).toString();
      const port = received.readUInt16BE(end - 2);
      this.asked.push({ host, port });
      this.#answer(socket, this.#replies.get(port) ?? 1);
    });
  }

  #answer(socket: net.Socket, reply: SocksReply): void {
    if (reply === 'silence') return void socket.write(Buffer.from([5, 0]));
    if (reply === 'hang up') return void socket.destroy();
    const bytes = Buffer.from([5, 0, 5, reply === 'trickle' ? 0 : reply, 0, 1, 0, 0, 0, 0, 0, 0]);
    if (reply !== 'trickle') return void socket.write(bytes);
    for (const [index, byte] of bytes.entries())
      setTimeout(() => socket.write(Buffer.from([byte])), index * 3);
  }
}
