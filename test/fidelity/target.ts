import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { WireAnswer } from './case.ts';
import { headBytes, WireReader } from './wire.ts';

/** A request as it reached the target, as it was on the wire. */
export interface Seen {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** A target on a real socket that answers byte for byte as told and keeps what it was sent. */
export interface RecordingTarget {
  readonly port: number;
  /** What it answers from now on. */
  answerWith(answer: WireAnswer): void;
  /** The requests since the last call. */
  taken(): readonly Seen[];
  close(): Promise<void>;
}

export async function startRecordingTarget(host = '127.0.0.1', port = 0): Promise<RecordingTarget> {
  let answer: WireAnswer | undefined;
  let seen: Seen[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    serve(
      socket,
      (request) => seen.push(request),
      () => answer,
    ).catch(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    answerWith(next) {
      answer = next;
    },
    taken() {
      const requests = seen;
      seen = [];
      return requests;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function serve(
  socket: Socket,
  record: (request: Seen) => void,
  answerNow: () => WireAnswer | undefined,
): Promise<void> {
  const reader = new WireReader(socket);
  for (;;) {
    const head = await reader.head();
    if (head === undefined) return;
    const [method = '', target = ''] = head.start.split(' ');
    const body = await reader.body(head.headers, false);
    record({ method, target, headers: head.headers, body });
    const answer = answerNow();
    if (answer === undefined) throw new Error('no answer was set');
    for (const interim of answer.interim ?? [])
      socket.write(headBytes(`HTTP/1.1 ${interim.status} Interim`, interim.headers));
    socket.write(headBytes(`HTTP/1.1 ${answer.status} Whatever`, answer.headers));
    for (const part of framed(answer)) socket.write(part);
    if (answer.framing === 'close') return void socket.end();
  }
}

function framed({ body, framing }: WireAnswer): Uint8Array[] {
  if (body === undefined) return [];
  if (framing !== 'chunked') return [body];
  const parts: Uint8Array[] = [];
  for (let at = 0; at < body.byteLength; at += 10_000) {
    const chunk = body.subarray(at, at + 10_000);
    parts.push(Buffer.from(`${chunk.byteLength.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
  }
  parts.push(Buffer.from('0\r\nx-trailer: not carried\r\n\r\n'));
  return parts;
}
