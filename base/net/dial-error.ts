/**
 * How a dial through another process failed. `timeout`: no result in time. `rejected`: that process refused. `no-proxy`: that
 * process does not run, or it closed the connection.
 */
export type DialFailure = 'timeout' | 'rejected' | 'no-proxy';

/** A failed connection through another process, such as a proxy or tailscaled. */
export class DialError extends Error {
  readonly failure: DialFailure;

  constructor(message: string, failure: DialFailure) {
    super(message);
    this.name = 'DialError';
    this.failure = failure;
  }
}
