import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/message-of.ts';
import {
  type Api,
  type ApiAnswer,
  type ApiCall,
  createApi,
  describeAnswer,
} from '../../base/tailscale/api.ts';
import { createKey, requestToken } from '../../base/tailscale/keys.ts';
import { TunnelError } from '../../tunnel/causes.ts';

/** A key is used as soon as it is made; an unused one soon expires. */
const keyLifeSeconds = 300;
const pausesMs = [150, 300];
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
  readonly #api: Api;

  /** @param end by the monotonic clock: what has not come by then is given up */
  constructor(url: string, ca: readonly string[] | undefined, end: number, clock: Clock) {
    const leftMs = () => end - clock.monotonic();
    this.#url = url;
    this.#api = createApi({ origin: url, clock, ca, retry: { pausesMs, leftMs } });
  }

  /**
   * Gives an access token for the identity token.
   *
   * @param claims what the identity token says about itself, for the message of a refusal
   * @throws TunnelError
   */
  async exchange(clientId: string, jwt: string, claims: string): Promise<string> {
    const answer = await this.#ask(requestToken({ clientId, jwt }));
    if (answer.status === 404) throw this.#noSuchApi(answer);
    if (answer.status !== 200) {
      throw new TunnelError(
        'tunnel:identity-refused',
        `${this.#describe(answer)} to the identity token of the role. ${claims}: the federated identity ` +
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
    const key = {
      tags,
      reusable: false,
      lifetimeSeconds: keyLifeSeconds,
      description: `postern ${hostname}`,
    };
    // A key that nobody heard of does no harm.
    const answer = await this.#ask(createKey(accessToken, key, true));
    if (answer.status === 200) return this.#field(answer, 'key');
    throw this.#noKey(answer, tags);
  }

  #noKey(answer: ApiAnswer, tags: readonly string[]): TunnelError {
    const failure = `${this.#describe(answer)} to the request for a key`;
    if (/\btags?\b/i.test(answer.text)) {
      return new TunnelError(
        'tunnel:tags-refused',
        `${failure}. POSTERN_TAILNET_TAGS (${tags.join(', ')}) must be all the tags of the federated identity, or tags that these ` +
          "own by the policy's tagOwners.",
      );
    }
    if (answer.status === 401 || answer.status === 403) {
      return new TunnelError(
        'tunnel:scope-missing',
        `${failure}. Give the federated identity the scope auth_keys, for writing.`,
      );
    }
    if (answer.status === 404) return this.#noSuchApi(answer);
    return new TunnelError('tunnel:misconfigured', `${failure}.`);
  }

  #noSuchApi(answer: ApiAnswer): TunnelError {
    return new TunnelError(
      'tunnel:misconfigured',
      `${this.#describe(answer)}: it is not an API that takes identity tokens. Check POSTERN_TAILNET_API_URL.`,
    );
  }

  async #ask(call: ApiCall): Promise<ApiAnswer> {
    let failed: string;
    try {
      const answer = await this.#api(call);
      if (answer.status !== 429 && answer.status < 500) return answer;
      failed = this.#describe(answer);
    } catch (error) {
      failed = messageOf(error);
    }
    throw new TunnelError(
      'tunnel:api-unreachable',
      `No key from ${this.#url} (${failed}). Check POSTERN_TAILNET_API_URL, that the function has a way out, and, for a ` +
        'private CA, that its certificate is in /opt/ssl.',
    );
  }

  #field(answer: ApiAnswer, name: string): string {
    const value = answer.json[name];
    if (typeof value === 'string' && printable.test(value)) return value;
    // Not the answer itself, because it may hold a secret.
    throw new TunnelError('tunnel:misconfigured', `${this.#url} answered 200 without the string "${name}".`);
  }

  #describe(answer: ApiAnswer): string {
    return `${this.#url} ${describeAnswer(answer)}`;
  }
}
