import http from 'node:http';
import https from 'node:https';
import { listen, readBody } from '../tunnel/listen.ts';
import type { WebIdentity } from './web-identity.ts';

/** Another answer than the right one; `silence` never answers, `hang up` closes the connection. */
export type ApiTrouble =
  | { readonly status: number; readonly message: string; readonly headers?: Readonly<Record<string, string>> }
  | { readonly status: number; readonly text: string }
  | 'silence'
  | 'hang up';

export interface KeyRequest {
  readonly reusable: boolean;
  readonly ephemeral: boolean;
  readonly preauthorized: boolean;
  readonly tags: readonly string[];
  readonly expirySeconds: number;
  readonly description: string;
}

/** What an administrator set up: whose tokens are taken, and what they may do. */
export interface FederatedIdentity {
  readonly clientId: string;
  readonly audience: string;
  readonly subject: string;
  readonly scopes: readonly string[];
  readonly tags: readonly string[];
}

export interface FederationOptions {
  readonly sts: WebIdentity;
  readonly identity?: Partial<FederatedIdentity>;
  /** Makes the key itself. Default: one that nobody takes. */
  readonly makeKey?: (request: KeyRequest) => Promise<string>;
  /** PEM texts; without them it speaks HTTP. */
  readonly tls?: { readonly key: string | Buffer; readonly cert: string | Buffer };
}

export type Step = 'exchange' | 'keys';

/**
 * The part of Tailscale's API with which a workload makes itself a key, as strict as what is known of it: the exchange takes
 * a form of client_id and jwt, a token is compared in issuer, subject and audience, and is 403 "Unauthorized" when one differs;
 * a key is made in the scope auth_keys with all of the identity's tags, or 400.
 *
 * https://tailscale.com/api (createKey), https://tailscale.com/docs/reference/trust-credentials, and what its clients send
 * (tailscale.com/feature/identityfederation in go.mod's version).
 */
export class FederationApi {
  readonly identity: FederatedIdentity;
  readonly keys: KeyRequest[] = [];
  readonly accessTokens: string[] = [];
  readonly madeKeys: string[] = [];
  readonly requests: {
    readonly step: Step;
    readonly headers: http.IncomingHttpHeaders;
    readonly body: string;
  }[] = [];
  /** Asked at each request, with how often this step was asked for. */
  trouble: (step: Step, count: number) => ApiTrouble | undefined = () => undefined;
  url = '';
  readonly #options: FederationOptions;
  readonly #server: http.Server;

  constructor(options: FederationOptions) {
    this.#options = options;
    this.identity = {
      clientId: 'T1CNTRL-kIdentity',
      audience: 'api.tailscale.com/T1CNTRL-kIdentity',
      subject: options.sts.role,
      scopes: ['auth_keys'],
      tags: ['tag:postern'],
      ...options.identity,
    };
    const handle: http.RequestListener = (request, response) => void this.#handle(request, response);
    this.#server =
      options.tls === undefined ? http.createServer(handle) : https.createServer(options.tls, handle);
  }

  async start(host = '127.0.0.1'): Promise<this> {
    const scheme = this.#options.tls === undefined ? 'http' : 'https';
    this.url = `${scheme}://${host}:${await listen(this.#server, host)}`;
    return this;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const body = await readBody(request);
    const { headers, method, url } = request;
    const step = { '/api/v2/oauth/token-exchange': 'exchange', '/api/v2/tailnet/-/keys': 'keys' }[
      url ?? ''
    ] as Step | undefined;
    if (step === undefined || method !== 'POST') return reply(response, 404, { message: 'not found' });
    this.requests.push({ step, headers, body });
    const count = this.requests.filter((one) => one.step === step).length;
    const trouble = this.trouble(step, count);
    if (trouble === 'silence') return;
    if (trouble === 'hang up') return void request.socket.destroy();
    if (trouble !== undefined && 'text' in trouble)
      return void response.writeHead(trouble.status).end(trouble.text);
    if (trouble !== undefined)
      return reply(response, trouble.status, { message: trouble.message }, trouble.headers);
    const [status, json] =
      step === 'exchange' ? this.#exchange(headers, body) : await this.#make(headers, body);
    reply(response, status, json);
  }

  #exchange(headers: http.IncomingHttpHeaders, body: string): Answer {
    if (headers['content-type'] !== 'application/x-www-form-urlencoded')
      return [400, { message: 'not a form' }];
    const form = new URLSearchParams(body);
    if ([...form.keys()].toSorted().join() !== 'client_id,jwt')
      return [400, { message: 'client_id and jwt are needed' }];
    const claims = this.#options.sts.verify(form.get('jwt') ?? '');
    const { clientId, audience, subject } = this.identity;
    const known =
      claims?.iss === this.#options.sts.issuer && claims.sub === subject && claims.aud === audience;
    if (!known || form.get('client_id') !== clientId) return [403, { message: 'Unauthorized' }];
    const token = `tskey-api-k${this.accessTokens.length}CNTRL-acc3ss${'t'.repeat(24)}`;
    this.accessTokens.push(token);
    const scope = this.identity.scopes.join(' ');
    return [200, { access_token: token, token_type: 'Bearer', expires_in: 3600, scope }];
  }

  async #make(headers: http.IncomingHttpHeaders, body: string): Promise<Answer> {
    const token = headers.authorization?.replace(/^Bearer /, '') ?? '';
    if (!this.accessTokens.includes(token)) return [401, { message: 'API token invalid' }];
    const { scopes, tags: owned } = this.identity;
    if (!scopes.includes('auth_keys') && !scopes.includes('all')) {
      return [403, { message: 'calling actor does not have enough permissions to perform this function' }];
    }
    if (headers['content-type'] !== 'application/json') return [400, { message: 'not JSON' }];
    const { capabilities, expirySeconds, description, ...rest } = JSON.parse(body);
    const { reusable, ephemeral, preauthorized, tags, ...odd } = capabilities.devices.create;
    if (Object.keys({ ...rest, ...odd }).length > 0) return [400, { message: 'unknown fields' }];
    const flags = [reusable, ephemeral, preauthorized].every((flag) => typeof flag === 'boolean');
    const describes = /^[A-Za-z0-9 -]{0,50}$/.test(description);
    if (!flags || !describes || !Number.isInteger(expirySeconds) || expirySeconds < 1)
      return [400, { message: 'a field is malformed' }];
    if (tags.toSorted().join() !== owned.toSorted().join())
      return [400, { message: `requested tags [${tags.join(' ')}] are invalid or not permitted` }];
    const request = { reusable, ephemeral, preauthorized, tags, expirySeconds, description };
    this.keys.push(request);
    const made = `tskey-auth-k${this.keys.length}CNTRL-on3off${'k'.repeat(24)}`;
    const key = this.#options.makeKey === undefined ? made : await this.#options.makeKey(request);
    this.madeKeys.push(key);
    const expires = new Date(Date.now() + expirySeconds * 1_000).toISOString();
    return [200, { id: `k${this.keys.length}CNTRL`, key, expires, description, capabilities }];
  }
}

type Answer = readonly [status: number, json: object];

function reply(
  response: http.ServerResponse,
  status: number,
  json: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(json));
}
