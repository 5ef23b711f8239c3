import type { Refusal } from './verdict.ts';

/** What the public sees of one kind of refusal: the status and the title (RFC 9457 section 3.1). */
export interface RefusalKind {
  readonly status: number;
  readonly title: string;
}

/** Makes the reply of one kind; `detail` goes to the log, never to the client. */
export type Refuse = (detail?: string, headers?: readonly string[]) => Refusal;

/**
 * Declares the refusals of one namespace. Each gets a function, and its code is `namespace:name`.
 *
 * A plugin declares its refusals in its own file; those below belong to the gateway. Codes are stable: rules, alarms and clients match on them.
 */
export function refusals<Name extends string>(
  namespace: string,
  kinds: Readonly<Record<Name, readonly [status: number, title: string]>>,
): Readonly<Record<Name, Refuse>> & { readonly table: Readonly<Record<string, RefusalKind>> } {
  const table: Record<string, RefusalKind> = {};
  const functions = {} as Record<Name, Refuse>;
  for (const name of Object.keys(kinds) as Name[]) {
    const [status, title] = kinds[name];
    const code = `${namespace}:${name}`;
    table[code] = { status, title };
    functions[name] = function refuse(detail, headers) {
      return { kind: 'refuse', code, status, title, detail, headers };
    };
  }
  return Object.freeze({ ...functions, table: Object.freeze(table) });
}

/** Refusals because of the request target. */
export const pathRefusals = refusals('path', {
  'not-origin-form': [400, 'The request target is not a path'],
  'too-long': [414, 'The request target is too long'],
  'too-many-segments': [414, 'The path has too many segments'],
  'bad-character': [400, 'The path has a character that is not allowed'],
  'bad-encoding': [400, 'The path has a broken percent-encoding'],
  'double-encoding': [400, 'The path has an encoding of an encoding'],
  'encoded-slash': [400, 'The path has an encoded slash'],
  backslash: [400, 'The path has a backslash'],
  'dot-segment': [400, 'The path has a dot segment'],
  'empty-segment': [400, 'The path has an empty segment'],
  parameter: [400, 'The path has a path parameter'],
  'trailing-dot': [400, 'A segment of the path ends in a dot or a blank'],
});

export const gatewayRefusals = refusals('gateway', {
  'no-route': [404, 'No route matches'],
  'method-not-allowed': [405, 'The route does not allow this method'],
  'bad-method': [400, 'The method is not in upper case'],
  'bad-host': [400, 'The Host header is missing, repeated or malformed'],
  'host-mismatch': [400, 'The request target and the Host header name different hosts'],
  'wrong-scheme': [400, 'The scheme of the request target is not that of the listener'],
  'bad-connection': [400, 'The Connection header names a header that belongs to the request'],
  'unknown-source': [403, 'The address of the client is not known'],
  'bad-header': [400, 'A header is malformed'],
  'body-too-large': [413, 'The body is too large'],
  'body-aborted': [400, 'The body ended early'],
  'body-timeout': [408, 'The body did not arrive in time'],
  unauthenticated: [401, 'No credential was accepted'],
  consumer: [403, 'The consumer of the request could not be determined'],
  error: [500, 'The request was refused because of an internal error'],
  misconfigured: [503, 'The gateway has no valid configuration'],
  stopping: [503, 'The gateway is shutting down'],
});
