import { type CallAnswer, call } from '../base/http/call.ts';
import type { TunnelError } from '../tunnel/causes.ts';

/** How long Lambda may take to answer, except while the extension waits for an event. */
const answerMs = 3_000;

/** https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html#runtimes-lifecycle-extensions-shutdown */
export interface ShutdownEvent {
  readonly reason: string;
  /** When Lambda kills the process, in milliseconds since the epoch. */
  readonly deadlineMs: number;
}

/**
 * The part of Lambda's Extensions API that a process needs to wait for the end of its sandbox.
 *
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
 */
export class Lambda {
  readonly #api: URL;
  readonly #identifier: string;

  private constructor(api: URL, identifier: string) {
    this.#api = api;
    this.#identifier = identifier;
  }

  /**
   * Registers only for SHUTDOWN: Lambda waits for an extension that asks for INVOKE at the end of every invocation.
   *
   * @param runtimeApi AWS_LAMBDA_RUNTIME_API, a host and a port
   * @param name the file name of the executable under /opt/extensions, or Lambda refuses it
   */
  static async register(runtimeApi: string | undefined, name: string): Promise<Lambda> {
    if (!runtimeApi) throw new Error('AWS_LAMBDA_RUNTIME_API is not set: this program is a Lambda extension');
    const api = new URL(`http://${runtimeApi}`);
    const answer = await send(api, 'POST', 'register', { 'lambda-extension-name': name }, answerMs, {
      events: ['SHUTDOWN'],
    });
    const identifier = answer.headers['lambda-extension-identifier'];
    if (typeof identifier !== 'string') throw new Error('Lambda gave the extension no identifier');
    return new Lambda(api, identifier);
  }

  /** Waits until Lambda shuts the sandbox down, which can take hours. */
  async shutdown(): Promise<ShutdownEvent> {
    for (;;) {
      const answer = await this.#send('GET', 'event/next', Infinity);
      const event = JSON.parse(answer.body) as Record<string, unknown>;
      if (event.eventType !== 'SHUTDOWN') continue;
      return { reason: String(event.shutdownReason), deadlineMs: Number(event.deadlineMs) };
    }
  }

  /** Tells Lambda why init failed; it ends the sandbox and shows the error in the function's log. */
  async initError(error: TunnelError): Promise<void> {
    const headers = { 'lambda-extension-function-error-type': errorType(error) };
    const body = { errorMessage: error.message, errorType: errorType(error), stackTrace: [] };
    await this.#send('POST', 'init/error', answerMs, headers, body);
  }

  #send(
    method: 'GET' | 'POST',
    path: string,
    timeoutMs: number,
    headers?: Record<string, string>,
    body?: unknown,
  ): Promise<CallAnswer> {
    const own = { ...headers, 'lambda-extension-identifier': this.#identifier };
    return send(this.#api, method, path, own, timeoutMs, body);
  }
}

async function send(
  api: URL,
  method: 'GET' | 'POST',
  path: string,
  headers: Record<string, string>,
  timeoutMs: number,
  body?: unknown,
): Promise<CallAnswer> {
  const answer = await call({
    to: api,
    method,
    path: `/2020-01-01/extension/${path}`,
    headers: { 'content-type': 'application/json', ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
    timeoutMs,
  });
  if (answer.status < 200 || answer.status > 299) {
    throw new Error(`Lambda answered ${answer.status} to ${path}: ${answer.body.slice(0, 200)}`);
  }
  return answer;
}

/** The error type for Lambda's log and metrics: `tunnel:secret-forbidden` is `Extension.SecretForbidden`. */
export function errorType({ code }: TunnelError): string {
  const words = code.slice(code.indexOf(':') + 1).split('-');
  return `Extension.${words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')}`;
}
