import { utf8 } from '../bytes.ts';
import type { FidelityCase } from '../case.ts';
import { payloadPage } from '../hosts.ts';
import { dated, octets, plain, withBody } from './parts.ts';

/** The status of the answer, and what comes before it or instead of a body. */
export const answers: readonly FidelityCase[] = [
  ...[200, 201, 203, 299, 400, 404, 418, 451, 500, 502, 599].map(
    (status): FidelityCase => ({
      name: `the status ${status} with a body`,
      mode: 'full',
      request: { method: 'GET', target: '/full/a', headers: [] },
      answer: withBody(status, ['Content-Type', 'text/plain'], utf8(`status ${status}`)),
    }),
  ),
  {
    name: 'a redirection, which is not followed',
    mode: 'full',
    request: { method: 'GET', target: '/full/a', headers: [] },
    answer: withBody(302, ['Location', 'http://elsewhere.example/'], new Uint8Array(0)),
  },
  {
    name: '204 without a body',
    mode: 'full',
    request: { method: 'DELETE', target: '/full/a', headers: [] },
    answer: { status: 204, headers: ['X-Kept', 'yes', ...dated] },
  },
  {
    name: '304 without a body, with its validators',
    mode: 'full',
    request: { method: 'GET', target: '/full/a', headers: ['If-None-Match', '"1"'] },
    answer: { status: 304, headers: ['ETag', '"1"', 'Cache-Control', 'max-age=60', ...dated] },
  },
  {
    name: 'HEAD with the length of the body that GET would have',
    mode: 'full',
    request: { method: 'HEAD', target: '/full/a', headers: [] },
    answer: { status: 200, headers: ['Content-Type', 'text/plain', ...dated, 'Content-Length', '123456'] },
  },
  {
    name: 'HEAD of a chunked answer',
    mode: 'full',
    request: { method: 'HEAD', target: '/full/a', headers: [] },
    answer: {
      status: 200,
      headers: ['Content-Type', 'text/plain', ...dated, 'Transfer-Encoding', 'chunked'],
    },
    gateway: {
      why: 'how a message is framed belongs to each connection (RFC 9112 section 6)',
      received: { headers: ['Content-Type', 'text/plain', ...dated] },
    },
  },
  {
    name: 'early hints (103) before the answer',
    mode: 'full',
    request: { method: 'GET', target: '/full/a', headers: [] },
    answer: { ...plain, interim: [{ status: 103, headers: ['Link', '</a.css>; rel=preload'] }] },
    platform: {
      lambda: {
        why: 'a function gives one answer, and it has one status',
        source: payloadPage,
        received: { interim: [] },
      },
    },
  },
  {
    name: 'a client that waits for 100 before it sends its body',
    mode: 'full',
    request: {
      method: 'POST',
      target: '/full/a',
      headers: [...octets, 'Expect', '100-continue'],
      body: utf8('body'),
    },
    answer: plain,
    gateway: {
      why: 'the host answers the expectation (RFC 9110 section 10.1.1)',
      seen: { headers: octets },
      received: { interim: [{ status: 100, headers: [] }] },
    },
  },
];
