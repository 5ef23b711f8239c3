/** The ways to run Postern that take the table. */
export type HostName = 'server' | 'lambda';

/** The routes of the configuration under test, by what of the target's answer goes back. */
export type Mode = 'full' | 'headers' | 'status' | 'none';

/** A request as the client writes it. Header names and values are flat and written as latin1. */
export interface WireRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly string[];
  /** Undefined: no body and no content-length. */
  readonly body?: Uint8Array;
  /** The body goes in chunks of this size, without content-length. */
  readonly chunkBytes?: number;
}

/** An answer as the target writes it. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body?: Uint8Array;
  /** Default: as the headers say. */
  readonly framing?: 'chunked' | 'close';
  readonly interim?: readonly { readonly status: number; readonly headers: readonly string[] }[];
}

/**
 * What is expected instead of "unchanged". Only what is given differs.
 *
 * Header lists are whole, as in the request or the answer: what the host does to all headers comes on top (see hosts.ts).
 */
export interface Expectation {
  readonly why: string;
  readonly seen?:
    | { readonly target?: string; readonly headers?: readonly string[]; readonly body?: Uint8Array }
    | 'nothing';
  readonly received?: {
    readonly status?: number;
    readonly headers?: readonly string[];
    readonly body?: Uint8Array;
    readonly interim?: readonly { readonly status: number; readonly headers: readonly string[] }[];
    /** The answer is the gateway's refusal with this code. */
    readonly code?: string;
    /** The answer is the platform's own, of which only the status counts. */
    readonly platform?: number;
  };
}

/** What a platform makes different, with the page or the measurement that says so. */
export interface PlatformDifference extends Expectation {
  readonly source: string;
}

export interface FidelityCase {
  /** A sentence: what arrives unchanged. */
  readonly name: string;
  readonly mode: Mode;
  readonly request: WireRequest;
  readonly answer: WireAnswer;
  /** What the gateway changes on purpose, on every host. */
  readonly gateway?: Expectation;
  readonly platform?: Readonly<Partial<Record<HostName, PlatformDifference>>>;
  /** Where the platform is emulated and nothing tells what the real one does: run all the same, and said so. */
  readonly unproven?: Readonly<Partial<Record<HostName, string>>>;
}
