import { refusals } from '../gateway/index.ts';

/** Refusals of the listener: only well-formed HTTP/1.1 requests reach the gateway. */
export const httpRefusals = refusals('http', {
  malformed: [400, 'The request is not well-formed HTTP/1.1'],
  'ambiguous-length': [400, 'The length of the body is ambiguous'],
  'unknown-coding': [501, 'The transfer coding is not supported'],
  version: [505, 'Only HTTP/1.0 and HTTP/1.1 are spoken here'],
  'headers-too-large': [431, 'The headers are too large'],
  'too-many-pipelined': [429, 'Too many requests were sent ahead on one connection'],
  overloaded: [503, 'Too many requests are held in memory'],
  timeout: [408, 'The request did not arrive in time'],
  expectation: [417, 'The expectation cannot be met'],
  connect: [501, 'This is not a forward proxy'],
});
