import type { WireRequest } from './case.ts';
import { headBytes, openSocket, WireReader } from './wire.ts';

/** What a client got, as it was on the wire. */
export interface Received {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: Buffer;
  /** Interim answers (1xx) before it: status and headers. */
  readonly interim: readonly { readonly status: number; readonly headers: readonly string[] }[];
}

/** Sends one request over a connection of its own and reads the answer. */
export async function exchange(
  address: { readonly host: string; readonly port: number },
  host: string,
  request: WireRequest,
): Promise<Received> {
  const socket = await openSocket(address.port, address.host);
  try {
    const reader = new WireReader(socket);
    const { body } = request;
    const framing =
      request.chunkBytes !== undefined
        ? ['transfer-encoding', 'chunked']
        : body !== undefined
          ? ['content-length', String(body.byteLength)]
          : [];
    const headers = ['Host', host, ...request.headers, ...framing];
    socket.write(headBytes(`${request.method} ${request.target} HTTP/1.1`, headers));
    const expects = request.headers.some((value) => value === '100-continue');
    if (!expects && body !== undefined) socket.write(frame(body, request.chunkBytes));
    const interim: { status: number; headers: readonly string[] }[] = [];
    for (;;) {
      const head = await reader.head();
      if (head === undefined) throw new Error('the connection was closed without an answer');
      const status = Number(head.start.split(' ')[1]);
      if (status < 200) {
        interim.push({ status, headers: head.headers });
        if (status === 100 && body !== undefined) socket.write(frame(body, request.chunkBytes));
        continue;
      }
      const bodyless = request.method === 'HEAD' || status === 204 || status === 304;
      const received = bodyless ? Buffer.alloc(0) : await reader.body(head.headers, true);
      return { status, headers: head.headers, body: received, interim };
    }
  } finally {
    socket.destroy();
  }
}

function frame(body: Uint8Array, chunkBytes: number | undefined): Uint8Array {
  if (chunkBytes === undefined) return body;
  const parts: Uint8Array[] = [];
  for (let at = 0; at < body.byteLength; at += chunkBytes) {
    const chunk = body.subarray(at, at + chunkBytes);
    parts.push(Buffer.from(`${chunk.byteLength.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}
