import http from 'node:http';
import type { Socket } from 'node:net';
import { after } from '../base/clock.ts';
import { noServerName } from '../base/http/call.ts';
import { ignore } from '../base/ignore.ts';
import type { Destination } from '../base/net/destination.ts';
import { DialError } from '../base/net/dial-error.ts';
import type { LocalApi } from './localapi.ts';

const maxReasonChars = 300;

/**
 * Makes one connection into the tailnet through LocalAPI, like `tailscale nc`.
 *
 * It works with userspace networking and with a kernel interface, needs no port, and refuses destinations outside the tailnet: for
 * those tailscaled answers 200 and tells its caller to dial on its own.
 * Source: serveDial in ipn/localapi/localapi.go
 *
 * @throws DialError
 */
export function dialLocal(api: LocalApi, { host, port }: Destination, withinMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const request = http.request({
      socketPath: api.socket,
      method: 'POST',
      path: '/localapi/v0/dial',
      headers: {
        host: 'local-tailscaled.sock',
        connection: 'upgrade',
        upgrade: 'ts-dial',
        'dial-host': host,
        'dial-port': String(port),
      },
      agent: false,
      ...noServerName,
    });
    const stopTimer = after(api.clock, Math.max(1, withinMs), () => {
      reject(new DialError(`tailscaled made no connection within ${Math.round(withinMs)} ms`, 'timeout'));
      request.destroy();
    });
    request.on('close', stopTimer);
    request.on('error', (error) =>
      reject(new DialError(`tailscaled does not answer (${error.message})`, 'no-proxy')),
    );
    request.on('upgrade', function connected(_answer, socket: Socket, head: Buffer) {
      stopTimer();
      // Without a listener, an error of the socket would end the process, and its next owner does not listen yet.
      socket.on('error', ignore);
      if (head.byteLength > 0) socket.unshift(head);
      resolve(socket);
    });
    request.on('response', function refused(answer) {
      if (answer.headers['dial-self'] !== undefined) {
        reject(new DialError(`${host} is not in the tailnet`, 'rejected'));
        request.destroy();
        return;
      }
      let reason = '';
      answer.setEncoding('utf8').on('data', (text: string) => {
        reason = (reason + text).slice(0, maxReasonChars);
      });
      answer.on('error', ignore);
      answer.on('close', () =>
        reject(new DialError(`tailscaled answered ${answer.statusCode}: ${reason.trim()}`, 'rejected')),
      );
    });
    request.end();
  });
}
