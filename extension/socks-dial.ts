import { connect } from 'node:net';

export type DialOutcome = 'connected' | 'refused' | 'timeout';

/**
 * Tries one connection through tailscaled's SOCKS5 server and closes it at once: nothing is sent to the target.
 *
 * tailscaled answers every failure with the same code, so `refused` says only that it failed before the time was over.
 * Source: RFC 1928, sections 3, 4 and 6.
 */
export function dial(socksPort: number, host: string, port: number, withinMs: number): Promise<DialOutcome> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: socksPort });
    const timer = setTimeout(() => settle('timeout'), withinMs);
    let answered = Buffer.alloc(0);

    function settle(outcome: DialOutcome): void {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    }

    socket.on('connect', () => socket.write(Buffer.concat([noAuthentication, connectTo(host, port)])));
    socket.on('data', function readReplies(chunk: Buffer) {
      answered = Buffer.concat([answered, chunk]);
      // Two bytes choose the method, the next two are the version and the outcome of the connection.
      if (answered.length >= 4) settle(answered[3] === 0 ? 'connected' : 'refused');
    });
    socket.on('error', () => settle('refused'));
    socket.on('close', () => settle('refused'));
  });
}

const noAuthentication = Buffer.from([5, 1, 0]);

/** A name or an address as text: tailscaled takes an address in the place of a name too. */
function connectTo(host: string, port: number): Buffer {
  const name = Buffer.from(host);
  if (name.length > 255) throw new Error(`a SOCKS5 name has at most 255 bytes, got ${name.length}`);
  return Buffer.concat([Buffer.from([5, 1, 0, 3, name.length]), name, Buffer.from([port >> 8, port & 255])]);
}
