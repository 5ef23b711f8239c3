import { createHash, timingSafeEqual } from 'node:crypto';
import { AwsError, getSecretValue } from '../base/aws/secrets.ts';
import type { Log } from '../base/log.ts';
import { messageOf } from '../base/message-of.ts';
import type { EdgeProof } from './edge.ts';

export interface EdgeSecretParts {
  /** The values that count now, the current one first. */
  readonly read: () => Promise<readonly Uint8Array[]>;
  /** In milliseconds; not necessarily the time of day. */
  readonly now: () => number;
  readonly log: Log;
}

/** Wrong guesses must not become calls of Secrets Manager. While no value is known, all requests wait for one. */
const rereadAfterMs = { known: 30_000, unknown: 10_000 };
/** A shorter secret could be guessed; the generated one has 64 characters. */
const shortest = 32;

/**
 * The values that prove that a request came through the edge: read when first needed, and again, at most every
 * half minute, when a request shows another value, because the secret may have been changed.
 *
 * If it cannot be read again, the known values still count.
 */
export class EdgeSecret implements EdgeProof {
  readonly #parts: EdgeSecretParts;
  #accepted: readonly Buffer[] | undefined;
  #reading: Promise<void> | undefined;
  #readMs = Number.NEGATIVE_INFINITY;
  #problem = '';

  constructor(parts: EdgeSecretParts) {
    this.#parts = parts;
  }

  /** @throws Error when no value could be read so far */
  async matches(shown: string): Promise<boolean> {
    const digest = digestOf(Buffer.from(shown, 'utf8'));
    if (this.#accepted !== undefined && isAmong(digest, this.#accepted)) return true;
    if (this.#reading !== undefined || this.#isDue()) await this.#reread();
    if (this.#accepted === undefined) throw new Error(this.#problem);
    return isAmong(digest, this.#accepted);
  }

  /** Reads it for the first time. A failure is logged, and requests are refused. */
  async prepare(): Promise<void> {
    await this.#reread();
  }

  #isDue(): boolean {
    const { known, unknown } = rereadAfterMs;
    return this.#parts.now() - this.#readMs >= (this.#accepted === undefined ? unknown : known);
  }

  async #reread(): Promise<void> {
    this.#reading ??= this.#read();
    await this.#reading;
  }

  async #read(): Promise<void> {
    this.#readMs = this.#parts.now();
    try {
      const values = await this.#parts.read();
      const [current] = values;
      if (current === undefined || current.byteLength < shortest)
        throw new Error(`its value has less than ${shortest} bytes; put a random text of 64 into the secret`);
      // The value before it may have been a placeholder: an invalid one is ignored and does not lock everybody out.
      this.#accepted = values.filter(({ byteLength }) => byteLength >= shortest).map(digestOf);
    } catch (error) {
      this.#problem = messageOf(error);
      this.#parts.log.error('edge secret not read', { problem: this.#problem });
    } finally {
      this.#reading = undefined;
    }
  }
}

/** The current value and, for as long as the edge may still show it, the one before. */
export async function readEdgeSecret(
  secretId: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<readonly Uint8Array[]> {
  const [current, previous] = await Promise.all([
    getSecretValue(secretId, { env }),
    getSecretValue(secretId, { env }, 'AWSPREVIOUS').catch(undefinedWhenMissing),
  ]);
  return previous === undefined ? [current] : [current, previous];
}

function undefinedWhenMissing(error: unknown): undefined {
  if (error instanceof AwsError && error.failure === 'missing') return undefined;
  throw error;
}

/** Always of one length, so that the time does not tell the length of the secret. */
function digestOf(value: Uint8Array): Buffer {
  return createHash('sha256').update(value).digest();
}

/** Looks at each of them, so that the time does not tell which one it was. */
function isAmong(digest: Buffer, accepted: readonly Buffer[]): boolean {
  let found = false;
  for (const one of accepted) found = timingSafeEqual(digest, one) || found;
  return found;
}
