import { Client, type Dispatcher } from 'undici';
import type { Clock } from '../ports/clock.ts';
import type { Connector } from './connector.ts';

const connectMs = 10_000;
/** Reserved from a call's time, so that the reason of a failed connection arrives before the deadline. */
const reserveMs = 100;

export interface DeadlineOptions extends Dispatcher.DispatchOptions {
  /** Milliseconds since the epoch. */
  readonly deadlineMs: number;
}

/**
 * One connection of a pool, made again after it was lost, within the time of the call that waits for it.
 *
 * undici does not tell a connector for which call it connects, and may call it long after the dispatch: when the body is a stream,
 * when the call waited in the pool's queue, or when a kept connection turns out to be closed. But without pipelining a client has
 * only one call at a time.
 */
export class DeadlineClient extends Client {
  readonly #call: { deadlineMs: number };

  constructor(origin: URL, options: Client.Options, connect: Connector, clock: Clock) {
    const call = { deadlineMs: 0 };
    super(origin, {
      ...options,
      connect(destination, callback) {
        const leftMs = call.deadlineMs - reserveMs - clock.now();
        connect(destination, callback, Math.max(1, Math.min(connectMs, leftMs)));
      },
    });
    this.#call = call;
  }

  override dispatch(options: DeadlineOptions, handler: Dispatcher.DispatchHandler): boolean {
    this.#call.deadlineMs = options.deadlineMs;
    return super.dispatch(options, handler);
  }
}
