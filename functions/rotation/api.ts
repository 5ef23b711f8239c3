import type { Log } from '../../base/log.ts';
import { RotationError } from './errors.ts';
import type { Budget } from './issuer.ts';

export interface ApiCall {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** From the root, such as `/api/v2/oauth/token`. */
  readonly path: string;
  readonly token?: string;
  readonly json?: unknown;
  readonly form?: Readonly<Record<string, string>>;
  /** Whether it may be sent again when its outcome is unknown. */
  readonly repeatable: boolean;
}

export interface ApiAnswer {
  readonly status: number;
  /** Undefined when the body is not JSON. */
  readonly json: unknown;
  /** The server's clock at the answer: up to a second late, because the Date header has whole seconds (RFC 9110 section 5.6.7). */
  readonly serverTimeMs: number;
}

/** Sends one call and returns any answer below 500 except 401, 403 and 429. @throws RotationError for these */
export type Api = (call: ApiCall) => Promise<ApiAnswer>;

export interface ApiOptions {
  /** Scheme, host and port. */
  readonly origin: string;
  readonly budget: Budget;
  readonly log: Log;
  readonly now: () => number;
  readonly fetch: typeof globalThis.fetch;
}

const attempts = 3;
const timeoutMs = 10_000;
const pausesMs = [500, 2_000];
/** Time reserved for storing, revoking and reporting after the last call. */
const reserveMs = 5_000;
const maxBytes = 4 * 1024 * 1024;
const skewMs = 5 * 60_000;

/** Whether that moment is in the future by the server's own clock, by more than a second. */
export function isAhead(atMs: number, { serverTimeMs }: Pick<ApiAnswer, 'serverTimeMs'>): boolean {
  return atMs > serverTimeMs + 1_000;
}

/** Failures of a connection before a byte of the request was sent. */
const unsent = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/**
 * A client of one API: limits on time and size, no redirects (they would carry credentials elsewhere), a few retries, and
 * errors that say what to do. A 429 is waited out when its Retry-After (RFC 9110 section 10.2.3) fits into the budget.
 */
export function createApi({ origin, budget, log, now, fetch }: ApiOptions): Api {
  let skewTold = false;

  return async function ask(call) {
    for (let attempt = 1; ; attempt += 1) {
      const last = attempt === attempts;
      const sent = await send(call);
      if ('failure' in sent) {
        if (!last && (call.repeatable || sent.unsent) && (await pause(pausesMs[attempt - 1] ?? 0))) continue;
        throw new RotationError(
          'rotation:unreachable',
          `${name(call)}: ${sent.failure}${doubt(call, sent.unsent)}`,
        );
      }
      const { answer, retryAfter } = sent;
      if (answer.status === 429) {
        const waitMs = retryAfterMs(retryAfter, answer.serverTimeMs) ?? pausesMs[attempt - 1] ?? 2_000;
        if (!last && (await pause(waitMs))) continue;
        const when = new Date(now() + waitMs).toISOString();
        throw new RotationError(
          'rotation:rate-limited',
          `${said(call, answer)}; it asks to wait until ${when}`,
        );
      }
      if (answer.status >= 500) {
        if (!last && call.repeatable && (await pause(pausesMs[attempt - 1] ?? 0))) continue;
        throw new RotationError('rotation:unreachable', `${said(call, answer)}${doubt(call, false)}`);
      }
      if (answer.status === 401) throw new RotationError('rotation:unauthorized', said(call, answer));
      if (answer.status === 403) throw new RotationError('rotation:forbidden', said(call, answer));
      return answer;
    }
  };

  async function send(
    call: ApiCall,
  ): Promise<{ answer: ApiAnswer; retryAfter: string | null } | { failure: string; unsent: boolean }> {
    const limitMs = Math.min(timeoutMs, budget.remainingMs() - reserveMs);
    if (limitMs <= 0) return { failure: 'the time of the function is up', unsent: true };
    try {
      const response = await fetch(new URL(call.path, origin), {
        method: call.method,
        headers: headersOf(call),
        body: bodyOf(call),
        redirect: 'error',
        signal: AbortSignal.timeout(limitMs),
      });
      const text = await readText(response);
      const serverTimeMs = Date.parse(response.headers.get('date') ?? '') || now();
      tellSkew(serverTimeMs - now());
      const answer = { status: response.status, json: parse(text), serverTimeMs };
      return { answer, retryAfter: response.headers.get('retry-after') };
    } catch (error) {
      const reason = reasonOf(error);
      return { failure: reason, unsent: unsent.has(reason) };
    }
  }

  /** Waits when there is time for it and for one more call after it. */
  async function pause(ms: number): Promise<boolean> {
    if (budget.remainingMs() - reserveMs - ms < 1_000) return false;
    await budget.sleep(ms);
    return true;
  }

  function tellSkew(differenceMs: number): void {
    if (skewTold || Math.abs(differenceMs) < skewMs) return;
    skewTold = true;
    const detail = `The clock of ${origin} is ${Math.round(differenceMs / 1_000)} s off this function's; times are taken from it`;
    log.warn('clock skew', { code: 'rotation:clock-skew', detail });
  }

  function name({ method, path }: ApiCall): string {
    return `${method} ${origin}${path}`;
  }

  function said(call: ApiCall, { status, json }: ApiAnswer): string {
    const { message, error_description: description, error } = (json ?? {}) as Record<string, unknown>;
    const words = [message, description, error].find((one) => typeof one === 'string' && one !== '');
    // In quotes, so that whatever server answers cannot write lines of our log.
    const quoted = words === undefined ? '' : ` ${JSON.stringify(String(words).slice(0, 200))}`;
    return `${name(call)} answered ${status}${quoted}`;
  }
}

function doubt({ repeatable }: ApiCall, wasUnsent: boolean): string {
  if (repeatable || wasUnsent) return '';
  return '; whether a key was made is unknown, and if so nobody has its text';
}

function headersOf({ token, json }: ApiCall): Record<string, string> {
  return {
    accept: 'application/json',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(json === undefined ? {} : { 'content-type': 'application/json' }),
  };
}

function bodyOf({ json, form }: ApiCall): string | URLSearchParams | null {
  if (form !== undefined) return new URLSearchParams(form);
  return json === undefined ? null : JSON.stringify(json);
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw new Error(`the answer is longer than ${maxBytes} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Seconds, or a date, which is compared with the server's own clock. */
function retryAfterMs(header: string | null, serverTimeMs: number): number | undefined {
  if (header === null) return undefined;
  if (/^[0-9]{1,7}$/.test(header)) return Number(header) * 1_000;
  const atMs = Date.parse(header);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - serverTimeMs);
}

/** fetch hides the socket's error in `cause`, and several addresses' errors in an AggregateError. */
function reasonOf(error: unknown): string {
  const { name, message, cause } = error as Error;
  if (name === 'TimeoutError') return 'no answer in time';
  const { code, errors, message: inner } = (cause ?? {}) as NodeJS.ErrnoException & { errors?: unknown[] };
  const [first] = (errors ?? []) as NodeJS.ErrnoException[];
  return code ?? first?.code ?? inner ?? message;
}
