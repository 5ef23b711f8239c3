import { createHook } from 'node:async_hooks';

/**
 * What the process waits for by itself, beside time and what sockets bring: connections that are being made, and work of the
 * thread pool (files, WebCrypto, names). Its requests are named for what they are, such as FSREQCALLBACK, SIGNREQUEST,
 * TCPCONNECTWRAP.
 */
const kinds = /^(?!HTTP).*(?:REQUEST|REQ(?:CALLBACK|PROMISE|WRAP)|CONNECTWRAP)$/;
const outstanding = new Set<number>();

createHook({
  init(id, type) {
    if (kinds.test(type)) outstanding.add(id);
  },
  after: (id) => void outstanding.delete(id),
  destroy: (id) => void outstanding.delete(id),
}).enable();

/** How many such requests are under way. */
export const outstandingRequests = (): number => outstanding.size;
