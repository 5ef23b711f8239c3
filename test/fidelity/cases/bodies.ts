import { everyByte, noise, utf8 } from '../bytes.ts';
import type { FidelityCase } from '../case.ts';
import { payloadPage } from '../hosts.ts';
import { dated, limitsPage, megabyte, octets, plain, withBody } from './parts.ts';

/** The bodies of requests and answers, and how they are framed. */
export const bodies: readonly FidelityCase[] = [
  {
    name: 'a body of no bytes',
    mode: 'full',
    request: { method: 'POST', target: '/full/a', headers: octets, body: new Uint8Array(0) },
    answer: withBody(200, octets, new Uint8Array(0)),
  },
  {
    name: 'every byte value in both bodies',
    mode: 'full',
    request: { method: 'POST', target: '/full/a', headers: octets, body: everyByte },
    answer: withBody(200, octets, everyByte),
  },
  {
    name: 'bodies of text beyond ASCII, with a byte order mark',
    mode: 'full',
    request: {
      method: 'POST',
      target: '/full/a',
      headers: ['Content-Type', 'application/json'],
      body: utf8('\uFEFF{"ü": "世界 \u0000 \\u0000 🚪"}\r\n'),
    },
    answer: withBody(
      200,
      ['Content-Type', 'text/html; charset=utf-8'],
      utf8('\uFEFF<p>ü 世界 🚪\u0000</p>\r\n'),
    ),
  },
  {
    name: 'a body that is not the text that its type says',
    mode: 'full',
    request: { method: 'POST', target: '/full/a', headers: ['Content-Type', 'text/plain'], body: everyByte },
    answer: withBody(200, ['Content-Type', 'application/json'], everyByte),
    platform: {
      lambda: {
        why: 'API Gateway hands over a body of type text/* or application/json as a JSON string: bytes that are not UTF-8 are lost before the function sees them',
        source: `${payloadPage}; the types: https://github.com/ministackorg/ministack/pull/766`,
        seen: { body: utf8(Buffer.from(everyByte).toString('utf8')) },
      },
    },
  },
  {
    name: 'a chunked body',
    mode: 'full',
    request: { method: 'POST', target: '/full/a', headers: octets, body: noise(70_000), chunkBytes: 4_000 },
    answer: {
      status: 200,
      headers: ['Transfer-Encoding', 'chunked', ...octets, ...dated],
      body: noise(70_000, 7),
      framing: 'chunked',
    },
    gateway: {
      why: 'how a message is framed belongs to each connection (RFC 9112 section 6)',
      received: { headers: [...octets, ...dated] },
    },
  },
  {
    name: 'an answer that ends with its connection',
    mode: 'full',
    request: { method: 'GET', target: '/full/a', headers: [] },
    answer: {
      status: 200,
      headers: [...octets, ...dated, 'Connection', 'close'],
      body: noise(30_000),
      framing: 'close',
    },
    gateway: {
      why: 'how a message is framed belongs to each connection (RFC 9112 section 6)',
      received: { headers: [...octets, ...dated] },
    },
  },
  {
    name: 'bodies of 4 MB both ways',
    mode: 'full',
    request: { method: 'POST', target: '/full/a', headers: octets, body: noise(4 * megabyte) },
    answer: withBody(200, octets, noise(4 * megabyte, 3)),
  },
  {
    name: 'an answer of 5 MB',
    mode: 'full',
    request: { method: 'GET', target: '/full/a', headers: [] },
    answer: withBody(200, octets, noise(5 * megabyte)),
    platform: {
      lambda: {
        why: 'a function answers with at most 6 MB, and base64 makes 6.7 MB of 5 MB: refused clearly instead of cut',
        source: limitsPage,
        received: { status: 502, code: 'upstream:answer-too-large' },
      },
    },
  },
  {
    name: 'a request of 5 MB',
    mode: 'full',
    request: { method: 'POST', target: '/full/a', headers: octets, body: noise(5 * megabyte) },
    answer: plain,
    platform: {
      lambda: {
        why: 'a function is called with at most 6 MB, and base64 makes 6.7 MB of 5 MB: API Gateway refuses it',
        source: limitsPage,
        seen: 'nothing',
        received: { platform: 413 },
      },
    },
  },
];
