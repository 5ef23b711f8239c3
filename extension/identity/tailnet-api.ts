import type { Clock } from '../../base/clock.ts';
import { type CallAnswer, call } from '../../base/http/call.ts';
import { messageOf } from '../../base/message-of.ts';
import { TunnelError } from '../../tunnel/causes.ts';

/** A key is used as soon as it is made; an unused one soon expires. */
const keyLifeSeconds = 300;
const attempts = 3;
const firstPauseMs = 150;
const maxMessageChars = 200;
/** What a header can hold, at most as long as any token. */
const printable = /^[\x21-\x7e]{1,8192}$/;

/**
 * Tailscale's API, as far as a node needs it that joins by who its role is; a control server of your own may speak it too.
 *
 * Shapes by the API's documentation and the clients of Tailscale and others; no test here can ask the real service.
 * Source: https://tailscale.com/api, https://tailscale.com/docs/reference/trust-credentials
 */
export class TailnetApi {
  readonly #url: string;
  readonly #authorities: readonly string[] | undefined;
  /** By the monotonic clock: what has not come by then is given up. */
  readonly #end: number;
  readonly #clock: Clock;

  constructor(url: string, authorities: readonly string[] | undefined, end: number, clock: Clock) {
    this.#url = url;
    this.#authorities = authorities;
    this.#end = end;
    this.#clock = clock;
  }

  /**
   * Gives an access token for the identity token.
   *
   * @param claims what the identity token says about itself, for the message of a refusal
   * @throws TunnelError
   */
  async exchange(clientId: string, jwt: string, claims: string): Promise<string> {
    const answer = await this.#post(
      '/api/v2/oauth/token-exchange',
      { 'content-type': 'application/x-www-form-urlencoded' },
      new URLSearchParams({ client_id: clientId, jwt }).toString(),
    );
    if (answer.status === 404) throw this.#noSuchApi(answer);
    if (answer.status !== 200) {
      throw new TunnelError(
        'tunnel:identity-refused',
        `${this.#said(answer)} to the identity token of the role. ${claims}: the federated identity ` +
          `${JSON.stringify(clientId)} (POSTERN_TAILNET_CLIENT_ID) must name the same.`,
      );
    }
    return this.#field(answer, 'access_token');
  }

  /**
   * Makes a key for one node that is ephemeral, approved and tagged.
   *
   * @throws TunnelError
   */
  async createKey(accessToken: string, tags: readonly string[], hostname: string): Promise<string> {
    const create = { reusable: false, ephemeral: true, preauthorized: true, tags };
    const answer = await this.#post(
      '/api/v2/tailnet/-/keys',
      { 'content-type': 'application/json', authorization: `Bearer ${accessToken}` },
      JSON.stringify({
        capabilities: { devices: { create } },
        expirySeconds: keyLifeSeconds,
        // Letters, digits, hyphens and spaces, 50 at the most.
        description: `postern ${hostname.replace(/[^A-Za-z0-9-]/g, '-')}`.slice(0, 50),
      }),
    );
    if (answer.status === 200) return this.#field(answer, 'key');
    throw this.#noKey(answer, tags);
  }

  #noKey(answer: CallAnswer, tags: readonly string[]): TunnelError {
    const said = `${this.#said(answer)} to the request for a key`;
    if (/\btags?\b/i.test(answer.body)) {
      return new TunnelError(
        'tunnel:tags-refused',
        `${said}. POSTERN_TAILNET_TAGS (${tags.join(', ')}) must be all the tags of the federated identity, or tags that these ` +
          "own by the policy's tagOwners.",
      );
    }
    if (answer.status === 401 || answer.status === 403) {
      return new TunnelError(
        'tunnel:scope-missing',
        `${said}. Give the federated identity the scope auth_keys, for writing.`,
      );
    }
    if (answer.status === 404) return this.#noSuchApi(answer);
    return new TunnelError('tunnel:misconfigured', `${said}.`);
  }

  #noSuchApi(answer: CallAnswer): TunnelError {
    return new TunnelError(
      'tunnel:misconfigured',
      `${this.#said(answer)}: it is not an API that takes identity tokens. Check POSTERN_TAILNET_API_URL.`,
    );
  }

  /** Sends it again when nobody answered or the server asks for that: a key that was made in vain does no harm. */
  async #post(path: string, headers: Record<string, string>, body: string): Promise<CallAnswer> {
    let failed = 'there was no time left';
    for (let attempt = 0; attempt < attempts && this.#leftMs() >= 1; attempt += 1) {
      let pauseMs = firstPauseMs * 2 ** attempt;
      try {
        const answer = await call({
          to: new URL(this.#url),
          method: 'POST',
          path,
          headers,
          body,
          timeoutMs: this.#leftMs() / (attempts - attempt),
          clock: this.#clock,
          ca: this.#authorities,
        });
        if (answer.status !== 429 && answer.status < 500) return answer;
        failed = `${this.#said(answer)}`;
        pauseMs = retryAfterMs(answer.headers['retry-after'], this.#clock) ?? pauseMs;
      } catch (error) {
        failed = messageOf(error);
        // Waiting makes no certificate trusted.
        if (isUntrusted(error)) break;
      }
      if (attempt === attempts - 1 || pauseMs >= this.#leftMs()) break;
      await this.#clock.sleep(pauseMs);
    }
    throw new TunnelError(
      'tunnel:api-unreachable',
      `No key from ${this.#url} (${failed}). Check POSTERN_TAILNET_API_URL, that the function has a way out, and, for a ` +
        'private CA, that its certificate is in /opt/ssl.',
    );
  }

  #field(answer: CallAnswer, name: string): string {
    const value = parseObject(answer.body)[name];
    if (typeof value === 'string' && printable.test(value)) return value;
    // Not the answer itself, because it may hold a secret.
    throw new TunnelError('tunnel:misconfigured', `${this.#url} answered 200 without the text "${name}".`);
  }

  /** With the message of an error, which names no secret of ours: it is a refusal's. */
  #said({ status, body }: CallAnswer): string {
    const { message } = parseObject(body);
    const words = typeof message === 'string' ? ` "${message.slice(0, maxMessageChars)}"` : '';
    return `${this.#url} answered ${status}${words}`;
  }

  #leftMs(): number {
    return this.#end - this.#clock.monotonic();
  }
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text)) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** Seconds or a date (RFC 9110 section 10.2.3). */
function retryAfterMs(value: string | undefined, clock: Clock): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^[0-9]+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - clock.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

function isUntrusted(error: unknown): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO_/.test((error as NodeJS.ErrnoException).code ?? '');
}
