import type { Warn } from '../../base/schema/configuration-error.ts';
import type { Schema } from '../../base/schema/schema.ts';

/**
 * One kind of webhook. Its name is its file, the value of `provider` in the configuration and a part of metrics.
 *
 * A provider finds out who signed what. The webhook plugin limits the age of a signed time and the size of a body, and chooses the
 * answer.
 */
export interface Provider<Options = unknown> {
  readonly name: string;
  /** One sentence for the reference, and the page that describes the scheme. */
  readonly about: string;
  /** Options in addition to those of every provider. */
  readonly options: { readonly [Key in keyof Options]-?: Schema<Options[Key]> };
  /** Prepares keys and templates, once. @throws ConfigurationError with the path of the wrong option */
  create(options: Options, secrets: readonly LoadedSecret[], warn: Warn): ReadHead;
}

/** A secret, read when a configuration is loaded. Messages may show `reference`, never `bytes`. */
export interface LoadedSecret {
  readonly reference: string;
  readonly bytes: Uint8Array;
}

/**
 * Reads the claims of one request's head, names and values in turn, before its body is read. The body must not be read if the head
 * alone is wrong.
 *
 * @throws MalformedSignature if a header is missing, or does not match the provider's grammar
 */
export type ReadHead = (headers: readonly string[]) => Claim | Forged | Unsigned;

/** The headers are well-formed: a sender claims to have signed this request. Nothing in here is proven until `isSigned` returns true. */
export interface Claim {
  readonly kind: 'claim';
  /** The header with the signature, for messages. */
  readonly header: string;
  readonly id: string | undefined;
  /** The kind of event, or the function that finds it in the parsed body. */
  readonly event: string | undefined | ((payload: unknown) => string | undefined);
  /** The signed time, in milliseconds since the epoch; undefined if no time is signed. */
  readonly timestampMs: number | undefined;
  /**
   * Whether one of the signatures was made with one of the secrets over this body. Reads the body at most four times, and stops
   * once `isOver` says that the answer is no longer needed.
   */
  isSigned(body: Uint8Array, isOver: () => boolean): boolean | Promise<boolean>;
}

/** There are signatures, but no secret here can have made them. */
export interface Forged {
  readonly kind: 'forged';
  /** Only for the log. */
  readonly detail: string;
}

/** There is no signature of this provider, so the request may belong to another plugin. */
export interface Unsigned {
  readonly kind: 'unsigned';
  readonly detail: string;
}

/** A header is ambiguous or malformed. The message is for the log. */
export class MalformedSignature extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'MalformedSignature';
  }
}

/** Checks the shape of a provider; TypeScript infers its options. */
export function defineProvider<Options>(provider: Provider<Options>): Provider<Options> {
  return Object.freeze(provider);
}
