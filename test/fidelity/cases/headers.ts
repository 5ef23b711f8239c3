import { noise, utf8 } from '../bytes.ts';
import type { FidelityCase } from '../case.ts';
import { dated, plain, withBody } from './parts.ts';

/** Headers and cookies, both ways. */
export const headers: readonly FidelityCase[] = [
  {
    name: 'repeated headers, their order, their case and empty values',
    mode: 'full',
    request: {
      method: 'GET',
      target: '/full/a',
      headers: ['X-One', 'b', 'x-two', '2', 'X-One', 'a', 'X-Empty', '', 'x-one', 'c, d', 'Accept', '*/*'],
    },
    answer: withBody(
      200,
      ['X-One', 'b', 'x-two', '2', 'X-One', 'a', 'X-Empty', '', 'x-one', 'c, d'],
      utf8('ok'),
    ),
  },
  {
    name: 'headers that look like the gateway’s own business and are not',
    mode: 'full',
    request: {
      method: 'GET',
      target: '/full/a',
      headers: [
        'Via',
        '1.1 proxy',
        'Authorization',
        'Bearer x',
        'X-Hub-Signature-256',
        'sha256=00',
        'Origin',
        'https://x',
      ],
    },
    answer: withBody(
      200,
      ['Server', 'target', 'Via', '1.1 x', 'ETag', '"1"', 'Content-Encoding', 'br'],
      noise(20),
    ),
  },
  {
    name: 'forwarding headers that a client made up do not arrive',
    mode: 'full',
    request: {
      method: 'GET',
      target: '/full/a',
      headers: [
        'X-Forwarded-For',
        '203.0.113.9',
        'X-Forwarded-Proto',
        'gopher',
        'Forwarded',
        'for=203.0.113.9',
        'X-Request-Id',
        'made-up',
        'X-Real-IP',
        '203.0.113.9',
        'X_Forwarded_For',
        '203.0.113.9',
        'X-Kept',
        'yes',
      ],
    },
    answer: withBody(200, ['X-Request-Id', 'made-up', 'X-Kept', 'yes'], utf8('ok')),
    gateway: {
      why: 'who the client is and which request this is, the gateway alone says',
      seen: { headers: ['X-Kept', 'yes'] },
      received: { headers: ['X-Kept', 'yes', ...dated, 'Content-Length', '2'] },
    },
  },
  {
    name: 'a large header',
    mode: 'full',
    request: { method: 'GET', target: '/full/a', headers: ['X-Large', 'x'.repeat(8_000)] },
    answer: withBody(200, ['X-Large', 'y'.repeat(8_000)], utf8('ok')),
  },
  {
    name: 'header bytes beyond ASCII',
    mode: 'full',
    request: {
      method: 'GET',
      target: '/full/a',
      headers: ['X-Latin', 'caf\u00e9', 'X-Utf8', 'caf\u00c3\u00a9'],
    },
    answer: withBody(200, ['X-Latin', 'caf\u00e9', 'X-Utf8', 'caf\u00c3\u00a9'], utf8('ok')),
    unproven: { lambda: 'no AWS page says how an HTTP API reads such bytes; here as latin1' },
  },
  {
    name: 'cookies in one header',
    mode: 'full',
    request: { method: 'GET', target: '/full/a', headers: ['Cookie', 'a=1; b="2 3"; a=4; c=x=y'] },
    answer: plain,
  },
  {
    name: 'cookies in several headers',
    mode: 'full',
    request: {
      method: 'GET',
      target: '/full/a',
      headers: ['Cookie', 'a=1', 'X-Between', 'x', 'Cookie', 'b=2; c=3'],
    },
    answer: plain,
    gateway: {
      why: 'targets that join lines with commas would read other cookies than policy does',
      seen: { headers: ['Cookie', 'a=1; b=2; c=3', 'X-Between', 'x'] },
    },
  },
  {
    name: 'several set-cookie headers',
    mode: 'full',
    request: { method: 'GET', target: '/full/a', headers: [] },
    answer: withBody(
      200,
      [
        'Set-Cookie',
        'a=1; Expires=Wed, 09 Jun 2027 10:18:14 GMT; Path=/',
        'X-Between',
        'x',
        'set-cookie',
        'b=2; HttpOnly',
        'Set-Cookie',
        'a=3; Path=/x, y',
      ],
      utf8('ok'),
    ),
  },
];
