import { noise, utf8 } from '../bytes.ts';
import type { FidelityCase } from '../case.ts';
import { dated, octets, withBody } from './parts.ts';

/** What of the answer goes back when a route keeps some of it. */
export const modes: readonly FidelityCase[] = [
  {
    name: 'respond: headers gives status and headers, and keeps the body',
    mode: 'headers',
    request: { method: 'POST', target: '/headers/a', headers: octets, body: utf8('body') },
    answer: withBody(201, ['X-Kept', 'yes', 'Content-Encoding', 'gzip', 'Set-Cookie', 'a=1'], noise(300)),
    gateway: {
      why: 'the route says so; what describes the body goes with it',
      received: {
        headers: ['X-Kept', 'yes', 'Set-Cookie', 'a=1', ...dated, 'content-length', '0'],
        body: new Uint8Array(0),
      },
    },
  },
  {
    name: 'respond: status gives the status alone',
    mode: 'status',
    request: { method: 'POST', target: '/status/a', headers: octets, body: utf8('body') },
    answer: withBody(404, ['X-Internal', 'detail', 'Set-Cookie', 'a=1'], noise(300)),
    gateway: {
      why: 'the route says so',
      received: { headers: ['content-length', '0'], body: new Uint8Array(0) },
    },
  },
  {
    name: 'respond: none gives 204 whatever the target said',
    mode: 'none',
    request: { method: 'POST', target: '/none/a', headers: octets, body: utf8('body') },
    answer: withBody(500, ['X-Internal', 'detail', 'Set-Cookie', 'a=1'], noise(300)),
    gateway: {
      why: 'the route says so',
      received: { status: 204, headers: [], body: new Uint8Array(0) },
    },
  },
];
