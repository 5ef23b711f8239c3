import { createHook } from 'node:async_hooks';
import { setImmediate as turn } from 'node:timers/promises';

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

/**
 * The kernel hands over at once what one socket of a process sends to another, so a request and its answer between two parts of a
 * test take turns of the event loop, and no time.
 */
const turnsOfAnExchange = 25;
/** For a request that never ends: after so many looks it is quiet all the same. */
const mostLooks = 2_000;
const nobody = new Int32Array(new SharedArrayBuffer(4));

/** Waits until nothing but time is waited for. Uses no timer: those may be a test's own. */
export async function quiet(): Promise<void> {
  let quietTurns = 0;
  for (let looks = 0; quietTurns < turnsOfAnExchange && looks < mostLooks; looks += 1) {
    if (outstanding.size > 0) {
      quietTurns = 0;
      // The threads of the pool go on meanwhile.
      Atomics.wait(nobody, 0, 0, 1);
    }
    quietTurns += 1;
    await turn();
  }
}
