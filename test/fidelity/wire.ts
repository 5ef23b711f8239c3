import { connect, type Socket } from 'node:net';

/** The head of an HTTP/1.1 message as it was on the wire: latin1, names and values flat, nothing joined or changed. */
export interface WireHead {
  readonly start: string;
  readonly headers: readonly string[];
}

/** Reads HTTP/1.1 messages off a socket without interpreting more than their framing (RFC 9112). */
export class WireReader {
  #chunks: Buffer[] = [];
  #size = 0;
  #ended = false;
  #wake: (() => void) | undefined;
  #error: Error | undefined;

  constructor(socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#size += chunk.byteLength;
      this.#wake?.();
    });
    socket.on('error', (error) => {
      this.#error = error;
    });
    socket.on('close', () => {
      this.#ended = true;
      this.#wake?.();
    });
    socket.on('end', () => {
      this.#ended = true;
      this.#wake?.();
    });
  }

  /** Undefined when the connection ended before the first byte. */
  async head(): Promise<WireHead | undefined> {
    if (this.#size === 0 && !(await this.#more())) return undefined;
    const start = await this.#line();
    const headers: string[] = [];
    for (let line = await this.#line(); line !== ''; line = await this.#line()) {
      const colon = line.indexOf(':');
      headers.push(line.slice(0, colon), line.slice(colon + 1).trim());
    }
    return { start, headers };
  }

  /** The body as the headers frame it; `untilClose` says what their absence means: the end of the connection, or no body. */
  async body(headers: readonly string[], untilClose: boolean): Promise<Buffer> {
    if (/\bchunked\b/i.test(headerOf(headers, 'transfer-encoding') ?? '')) return this.#chunked();
    const length = headerOf(headers, 'content-length');
    if (length !== undefined) return this.#take(Number(length));
    if (!untilClose) return Buffer.alloc(0);
    while (await this.#more());
    return this.#take(this.#size);
  }

  async #chunked(): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (;;) {
      const size = Number.parseInt(await this.#line(), 16);
      if (size === 0) break;
      parts.push(await this.#take(size));
      await this.#line();
    }
    while ((await this.#line()) !== '');
    return Buffer.concat(parts);
  }

  async #line(): Promise<string> {
    for (;;) {
      const all = this.#joined();
      const end = all.indexOf('\r\n');
      if (end >= 0) return (await this.#take(end + 2)).toString('latin1', 0, end);
      if (!(await this.#more())) throw this.#error ?? new Error('the connection ended inside a head');
    }
  }

  async #take(count: number): Promise<Buffer> {
    while (this.#size < count)
      if (!(await this.#more()))
        throw this.#error ?? new Error(`the connection ended ${count - this.#size} bytes early`);
    const all = this.#joined();
    this.#chunks = count === all.byteLength ? [] : [all.subarray(count)];
    this.#size -= count;
    return all.subarray(0, count);
  }

  #joined(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks, this.#size)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  /** Waits for bytes; false at the end of the connection. */
  #more(): Promise<boolean> {
    if (this.#ended) return Promise.resolve(false);
    const before = this.#size;
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve(this.#size > before);
      };
    });
  }
}

/** The first value of a header, by its name in lower case. */
export function headerOf(headers: readonly string[], name: string): string | undefined {
  for (let at = 0; at < headers.length; at += 2)
    if (headers[at]?.toLowerCase() === name) return headers[at + 1];
  return undefined;
}

/** Writes a head byte for byte as given. */
export function headBytes(start: string, headers: readonly string[]): Buffer {
  let text = `${start}\r\n`;
  for (let at = 0; at < headers.length; at += 2) text += `${headers[at]}: ${headers[at + 1]}\r\n`;
  return Buffer.from(`${text}\r\n`, 'latin1');
}

export function openSocket(port: number, host = '127.0.0.1'): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host, noDelay: true }, () => resolve(socket));
    socket.once('error', reject);
  });
}
