import type { Warn } from '../../base/schema/configuration-error.ts';
import type { Schema } from '../../base/schema/schema.ts';

/**
 * One kind of webhook: its name is its file, the value of `provider` in the configuration and a part of metrics.
 *
 * A provider says who signed what. How old a signed time may be, how large a body, and what is answered, is the
 * webhook plugin's.
 */
export interface Provider<Options = unknown> {
  readonly name: string;
  /** One sentence for the reference, with the page that the scheme is described on. */
  readonly about: string;
  /** Options of its own, beside those of every provider. */
  readonly options: { readonly [Key in keyof Options]-?: Schema<Options[Key]> };
  /** Prepares keys and templates, once. @throws ConfigurationError with the path of the option that is wrong */
  create(options: Options, secrets: readonly LoadedSecret[], warn: Warn): ReadHead;
}

/** A secret as read when a configuration is loaded; `reference` may be shown, `bytes` never. */
export interface LoadedSecret {
  readonly reference: string;
  readonly bytes: Uint8Array;
}

/**
 * Reads what the head of one request claims, before its body is read: names and values, flat. What the head alone shows to be
 * wrong must not cost a look at the body.
 *
 * @throws MalformedSignature when a header is missing, or not what the provider's grammar allows
 */
export type ReadHead = (headers: readonly string[]) => Claim | Forged | Unsigned;

/** The headers are in order: a sender claims to have signed this. Nothing of it is true before `isSigned` has said so. */
export interface Claim {
  readonly kind: 'claim';
  /** The header with the signature, for messages. */
  readonly header: string;
  readonly id: string | undefined;
  /** The kind of event, or how it is found in the parsed body. */
  readonly event: string | undefined | ((payload: unknown) => string | undefined);
  /** The time that was signed, in milliseconds since the epoch; undefined when none is. */
  readonly timestampMs: number | undefined;
  /**
   * Whether one of the signatures was made with one of the secrets over this body. Reads it at most four times, and no longer
   * once `isOver` says that nobody waits for the answer.
   */
  isSigned(body: Uint8Array, isOver: () => boolean): boolean | Promise<boolean>;
}

/** There are signatures, and no secret here could have made them. */
export interface Forged {
  readonly kind: 'forged';
  /** For the log alone. */
  readonly detail: string;
}

/** There is no signature of this provider at all, so the request may be for another plugin. */
export interface Unsigned {
  readonly kind: 'unsigned';
  readonly detail: string;
}

/** A header cannot be read in one way only. The message is for the log. */
export class MalformedSignature extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'MalformedSignature';
  }
}

/** Checks a provider's shape while TypeScript infers its options. */
export function defineProvider<Options>(provider: Provider<Options>): Provider<Options> {
  return Object.freeze(provider);
}
