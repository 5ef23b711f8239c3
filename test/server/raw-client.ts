import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A client that says exactly the bytes it is told to, and keeps what comes back as latin1. */
export class RawClient {
  readonly socket: Socket;
  received = '';
  /** How the connection ended, as the system says: undefined while it lasts or when it ended well. */
  error: string | undefined = undefined;
  #changed: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.received += chunk.toString('latin1');
      this.#changed();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error = error.code;
    });
    socket.on('end', () => this.#changed()).on('close', () => this.#changed());
  }

  static async connect(port: number, localAddress = '127.0.0.1'): Promise<RawClient> {
    const socket = connect({ host: '127.0.0.1', localAddress, port, noDelay: true, allowHalfOpen: true });
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  send(text: string | Uint8Array): this {
    this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
    return this;
  }

  /** Waits until what was received satisfies the pattern. */
  async until(pattern: RegExp, withinMs = 60_000): Promise<string> {
    await this.#wait(() => pattern.test(this.received), withinMs, `${pattern}`);
    return this.received;
  }

  /** Waits until the server has closed the connection, and gives all that it sent. */
  async ended(withinMs = 60_000): Promise<string> {
    this.socket.once('end', () => this.socket.end());
    await this.#wait(() => this.socket.readableEnded || this.socket.destroyed, withinMs, 'the end');
    this.socket.destroy();
    return this.received;
  }

  close(): void {
    this.socket.destroy();
  }

  #wait(holds: () => boolean, withinMs: number, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`no ${what} within ${withinMs} ms; received ${JSON.stringify(this.received)}`));
      }, withinMs);
      const check = () => {
        if (!holds()) return;
        clearTimeout(timer);
        resolve();
      };
      this.#changed = check;
      check();
    });
  }
}

/** The status, the code of the problem and the headers of the first answer in what was received. */
export function firstAnswer(received: string): {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
  readonly code: string | undefined;
} {
  const end = received.indexOf('\r\n\r\n');
  const headers = received.slice(0, end);
  const body = received.slice(end + 4);
  let code: string | undefined;
  try {
    code = JSON.parse(body).code;
  } catch {
    code = undefined;
  }
  return { status: Number(headers.slice(9, 12)), headers, body, code };
}
