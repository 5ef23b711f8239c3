import { after, type Clock } from '../base/clock.ts';
import { BodyError, gatewayRefusals } from '../gateway/index.ts';
import type { Connection } from './connection.ts';
import type { ListenerLimits } from './limits.ts';
import type { ServerRequest } from './server-request.ts';

/** The state of a connection at the previous check. */
interface Seen {
  /** The awaited body, and how much of it had arrived when its window began. */
  body?:
    | { readonly request: ServerRequest; readonly receivedBytes: number; readonly sinceMs: number }
    | undefined;
  /** How much the client had read at its last progress. */
  answer?: { readonly takenBytes: number; readonly sinceMs: number } | undefined;
}

/**
 * Checks all connections regularly, and ends those without progress: bodies that are waited for, answers that the client does not read,
 * and requests of clients that closed their side and are gone. One timer for all connections costs a request nothing.
 */
export class Watch {
  readonly #connections: ReadonlySet<Connection>;
  readonly #limits: ListenerLimits;
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #seen = new WeakMap<Connection, Seen>();
  #stopTimer: (() => void) | undefined;

  constructor(connections: ReadonlySet<Connection>, limits: ListenerLimits, clock: Clock) {
    this.#connections = connections;
    this.#limits = limits;
    this.#clock = clock;
    this.#everyMs = Math.min(1_000, limits.bodyWindowMs / 2, limits.stalledReaderMs / 2);
  }

  start(): void {
    this.#stopTimer = after(this.#clock, this.#everyMs, () => {
      this.start();
      this.#look(this.#clock.monotonic());
    });
  }

  stop(): void {
    this.#stopTimer?.();
  }

  #look(nowMs: number): void {
    for (const connection of this.#connections) {
      const { latest, writableLength } = connection;
      const receives = latest?.request.complete === false && latest.body?.awaited === true;
      // A connection whose read side has ended notices a reset only when it writes; an empty write is enough.
      if (connection.readableEnded && connection.writable && writableLength === 0) connection.write('');
      let seen = this.#seen.get(connection);
      if (seen === undefined) {
        if (!receives && writableLength === 0) continue;
        seen = {};
        this.#seen.set(connection, seen);
      }
      if (receives) this.#lookAtBody(seen, latest.request, nowMs);
      else seen.body = undefined;
      if (writableLength > 0) this.#lookAtAnswer(seen, connection, nowMs);
      else seen.answer = undefined;
    }
  }

  #lookAtBody(seen: Seen, request: ServerRequest, nowMs: number): void {
    const { bodyWindowMs, bodyBytesPerSecond } = this.#limits;
    const { receivedBytes } = request;
    const before = seen.body;
    if (before?.request === request) {
      const windowMs = nowMs - before.sinceMs;
      if (windowMs < bodyWindowMs) return;
      const bytes = receivedBytes - before.receivedBytes;
      if (bytes < (bodyBytesPerSecond * windowMs) / 1_000) {
        const detail = `${bytes} bytes came in ${Math.round(windowMs)} ms, the limit is ${bodyBytesPerSecond} bytes a second`;
        seen.body = undefined;
        request.destroy(new BodyError(gatewayRefusals['body-timeout'](detail)));
        return;
      }
    }
    seen.body = { request, receivedBytes, sinceMs: nowMs };
  }

  #lookAtAnswer(seen: Seen, connection: Connection, nowMs: number): void {
    const takenBytes = connection.bytesWritten - connection.writableLength;
    if (seen.answer === undefined || seen.answer.takenBytes !== takenBytes)
      seen.answer = { takenBytes, sinceMs: nowMs };
    else if (nowMs - seen.answer.sinceMs >= this.#limits.stalledReaderMs) connection.destroy();
  }
}
