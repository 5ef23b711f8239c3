/**
 * How a dial through another process failed: `timeout`, nothing came in time; `rejected`, that process said no; `no-proxy`, it
 * is not there, or it went away.
 */
export type DialFailure = 'timeout' | 'rejected' | 'no-proxy';

/** A connection that another process should have made, a proxy or tailscaled. */
export class DialError extends Error {
  readonly failure: DialFailure;

  constructor(message: string, failure: DialFailure) {
    super(message);
    this.name = 'DialError';
    this.failure = failure;
  }
}
