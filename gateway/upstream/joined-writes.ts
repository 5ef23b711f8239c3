import type { Socket } from 'node:net';

/** libuv writes texts up to 16 KiB from its own stack; for longer ones, copying costs as much as it saves. */
const mostBytes = 12 * 1024;

interface Chunk {
  readonly chunk: string | Uint8Array;
  readonly encoding: string;
}

interface Internals {
  _write(text: string, encoding: 'latin1', done: (error?: Error | null) => void): void;
  _writev(chunks: readonly Chunk[], done: (error?: Error | null) => void): void;
}

/**
 * Joins the parts of one write to a socket, a short head and body, into one text: a gathered write (writev) builds lists and keeps
 * every buffer alive, a plain one does not.
 *
 * Latin1 maps bytes one to one, so nothing changes on the wire. `_writev` is the method that implementers of streams provide
 * (Node, Stream, writable._writev).
 */
export function joinShortWrites<Given extends Socket>(socket: Given): Given {
  const internals = socket as unknown as Internals;
  const gathered = internals._writev;
  internals._writev = function writeJoined(chunks, done) {
    let text = '';
    for (const { chunk, encoding } of chunks) {
      const isLatin1 = typeof chunk !== 'string' || encoding === 'latin1';
      if (!isLatin1 || text.length + chunk.length > mostBytes) return gathered.call(this, chunks, done);
      text += typeof chunk === 'string' ? chunk : (chunk as Buffer).toString('latin1');
    }
    this._write(text, 'latin1', done);
  };
  return socket;
}
