import type { Clock } from '../clock.ts';
import { call as callOnce } from '../http/call.ts';
import { callWithRetries, type RetryPolicy, retryAfterMs, serverTimeMs } from '../http/retry.ts';
import { parseObject } from '../parse-object.ts';

export interface ApiCall {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** From the root, such as `/api/v2/oauth/token`. */
  readonly path: string;
  readonly token?: string;
  readonly json?: unknown;
  readonly form?: Readonly<Record<string, string>>;
  /** Whether it may be sent again if its outcome is unknown. */
  readonly repeatable: boolean;
}

export interface ApiAnswer {
  readonly status: number;
  readonly text: string;
  /** Empty if the body is not a JSON object. */
  readonly json: Readonly<Record<string, unknown>>;
  /** The server's clock at the time of the answer, or ours if the answer has no date. */
  readonly serverTimeMs: number;
  /** How long the server asks to wait. */
  readonly retryAfterMs: number | undefined;
}

/** Sends one call, and again if that may help. @throws CallError if there is no answer */
export type Api = (call: ApiCall) => Promise<ApiAnswer>;

export interface ApiOptions {
  /** A URL of which only the origin is used. */
  readonly origin: string;
  readonly clock: Clock;
  readonly retry: Omit<RetryPolicy, 'repeatable' | 'isThrottled' | 'clock'>;
  /** The longest accepted answer. */
  readonly maxBytes?: number;
  /** Certificates to trust instead of Node's own, as PEM. */
  readonly ca?: readonly string[] | undefined;
  /** Default: over the network. */
  readonly send?: typeof callOnce;
}

const maxMessageChars = 200;

/** A client for the JSON API of a control server, Tailscale's or Headscale's. */
export function createApi({ origin, clock, retry, maxBytes, ca, send = callOnce }: ApiOptions): Api {
  const to = new URL(origin);
  return async function ask({ method, path, token, json, form, repeatable }) {
    const headers = {
      accept: 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(json !== undefined && { 'content-type': 'application/json' }),
      ...(form !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
    };
    const body = form === undefined ? JSON.stringify(json) : new URLSearchParams(form).toString();
    const answer = await callWithRetries(
      (timeoutMs) => send({ to, method, path, headers, body, timeoutMs, clock, maxBytes, ca }),
      { ...retry, repeatable, clock },
    );
    const now = clock.now();
    return {
      status: answer.status,
      text: answer.body,
      json: parseObject(answer.body) ?? {},
      serverTimeMs: serverTimeMs(answer) ?? now,
      retryAfterMs: retryAfterMs(answer, now),
    };
  };
}

/**
 * `answered 403 "Unauthorized"`: the status and the message of an error, from Tailscale's fields or those of RFC 6749 section 5.2.
 * The message is quoted, so that a server cannot write lines into our log.
 */
export function describeAnswer({ status, json }: ApiAnswer): string {
  const { message, error_description: description, error } = json;
  const words = [message, description, error].find((one) => typeof one === 'string' && one !== '');
  const quoted = words === undefined ? '' : ` ${JSON.stringify(String(words).slice(0, maxMessageChars))}`;
  return `answered ${status}${quoted}`;
}
