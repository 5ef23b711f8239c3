/** What a plugin says of a request. */
export type Verdict = Next | NotResponsible | Reply;

/** Go on with the next plugin. */
export interface Next {
  readonly kind: 'next';
}

/** The request carries nothing that this authenticating plugin knows: try the next one. "Not mine" is not "no". */
export interface NotResponsible {
  readonly kind: 'not-responsible';
  readonly reason: string;
}

/** End here and answer: a refusal, or an answer that the protocol asks the gateway itself for, such as a challenge. */
export interface Reply {
  readonly kind: 'reply';
  /** Stable, `namespace:name`: public in problem details, the key of logs and metrics. */
  readonly code: string;
  readonly status: number;
  readonly title: string;
  /** For the log alone. Never a secret. */
  readonly detail?: string | undefined;
  /** Names and values, flat. */
  readonly headers?: readonly string[] | undefined;
  /** A body of its own makes the reply an answer and not a problem. */
  readonly body?: Uint8Array | undefined;
}

export const next: Next = Object.freeze({ kind: 'next' });

export function notResponsible(reason: string): NotResponsible {
  return { kind: 'not-responsible', reason };
}

/** Whether a reply refuses; one with a body of its own answers. */
export function isRefusal(reply: Reply): boolean {
  return reply.body === undefined;
}
