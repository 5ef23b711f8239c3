import { generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import http from 'node:http';
import { AwsV4Signer } from 'aws4fetch';
import { listen, readBody } from '../tunnel/listen.ts';

/** An error of AWS instead of the token; `silence` never answers, `hang up` closes the connection. */
export type StsTrouble =
  | { readonly status: number; readonly code: string; readonly message: string }
  | { readonly status: number; readonly text: string }
  | 'silence'
  | 'hang up';

/** What the token says, as the documentation of outbound identity federation lists it. */
export interface Claims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: string;
  readonly exp: number;
  readonly [name: string]: unknown;
}

const namespace = 'https://sts.amazonaws.com/doc/2011-06-15/';

/**
 * AWS STS with its one operation GetWebIdentityToken, as strict as its documentation: the Query protocol, the limits of each
 * parameter, the signature checked by another library, and tokens that are signed for real. moto does not know the operation.
 *
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_token_claims.html
 */
export class WebIdentity {
  readonly issuer = 'https://00000000-1111-2222-3333-444444444444.tokens.sts.global.api.aws';
  readonly role = 'arn:aws:iam::111122223333:role/forwarder';
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly requests: { readonly headers: http.IncomingHttpHeaders; readonly body: string }[] = [];
  readonly tokens: string[] = [];
  /** Asked at each request. */
  trouble: (count: number) => StsTrouble | undefined = () => undefined;
  url = '';
  readonly #keys: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
  readonly #server: http.Server;

  constructor(credentials = { accessKeyId: 'AKIA1', secretAccessKey: 'secret' }) {
    this.accessKeyId = credentials.accessKeyId;
    this.secretAccessKey = credentials.secretAccessKey;
    this.#keys = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    this.#server = http.createServer((request, response) => void this.#handle(request, response));
  }

  async start(host = '127.0.0.1'): Promise<this> {
    this.url = `http://${host}:${await listen(this.#server, host)}`;
    return this;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** The claims of a token that this issuer signed and that is not over; undefined for any other. */
  verify(jwt: string): Claims | undefined {
    const [header = '', payload = '', signature = ''] = jwt.split('.');
    const key = { key: this.#keys.publicKey, dsaEncoding: 'ieee-p1363' } as const;
    const genuine = verify(
      'sha384',
      Buffer.from(`${header}.${payload}`),
      key,
      Buffer.from(signature, 'base64url'),
    );
    if (!genuine) return undefined;
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims;
    return claims.exp * 1_000 > Date.now() ? claims : undefined;
  }

  async #handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const body = await readBody(request);
    this.requests.push({ headers: request.headers, body });
    const trouble = this.trouble(this.requests.length) ?? (await this.#wrong(request, body));
    if (trouble === 'silence') return;
    if (trouble === 'hang up') return void request.socket.destroy();
    response.setHeader('content-type', 'text/xml');
    if (trouble === undefined) response.end(this.#answer(new URLSearchParams(body)));
    else if ('text' in trouble) response.writeHead(trouble.status).end(trouble.text);
    else response.writeHead(trouble.status).end(errorDocument(trouble.code, trouble.message));
  }

  async #wrong(request: http.IncomingMessage, body: string): Promise<StsTrouble | undefined> {
    const form = new URLSearchParams(body);
    if (request.method !== 'POST' || request.url !== '/') return invalid('the operation is a POST to /');
    if (!request.headers['content-type']?.startsWith('application/x-www-form-urlencoded'))
      return invalid('not a form');
    if (!(await this.#isSigned(request.headers, body))) {
      return { status: 403, code: 'SignatureDoesNotMatch', message: 'The request signature does not match' };
    }
    if (form.get('Action') !== 'GetWebIdentityToken' || form.get('Version') !== '2011-06-15')
      return { status: 400, code: 'InvalidAction', message: 'Could not find the operation for this version' };
    const known = /^(?:Action|Version|Audience\.member\.(?:[1-9]|10)|SigningAlgorithm|DurationSeconds)$/;
    const odd = [...form.keys()].find((name) => !known.test(name));
    if (odd !== undefined) return invalid(`${odd} is not a parameter`);
    const audience = form.get('Audience.member.1') ?? '';
    if (audience.length < 1 || audience.length > 1_000)
      return invalid('Audience: 1 to 10 items of 1 to 1000 characters');
    if (!['RS256', 'ES384'].includes(form.get('SigningAlgorithm') ?? ''))
      return invalid('SigningAlgorithm: RS256 or ES384');
    const seconds = Number(form.get('DurationSeconds') ?? 300);
    if (!Number.isInteger(seconds) || seconds < 60 || seconds > 3_600)
      return invalid('DurationSeconds: 60 to 3600');
    return undefined;
  }

  async #isSigned(headers: http.IncomingHttpHeaders, body: string): Promise<boolean> {
    const { authorization = '' } = headers;
    const [, region = '', signed = ''] =
      /^AWS4-HMAC-SHA256 Credential=[^/]+\/\d{8}\/([a-z0-9-]+)\/sts\/aws4_request, SignedHeaders=([a-z0-9;-]+), /.exec(
        authorization,
      ) ?? [];
    const token = headers['x-amz-security-token'];
    const covered = signed
      .split(';')
      .filter((name) => !/^(?:host|x-amz-date|x-amz-security-token)$/.test(name));
    const signer = new AwsV4Signer({
      method: 'POST',
      url: `${this.url}/`,
      headers: covered.map((name): [string, string] => [name, String(headers[name])]),
      body,
      service: 'sts',
      region,
      datetime: String(headers['x-amz-date']),
      accessKeyId: this.accessKeyId,
      secretAccessKey: this.secretAccessKey,
      ...(typeof token === 'string' && { sessionToken: token }),
      allHeaders: true,
    });
    const theirs = await signer.sign();
    return theirs.headers.get('authorization') === authorization;
  }

  #answer(form: URLSearchParams): string {
    const iat = Math.floor(Date.now() / 1_000);
    const exp = iat + Number(form.get('DurationSeconds') ?? 300);
    const claims: Claims = {
      ...{ iss: this.issuer, sub: this.role, aud: form.get('Audience.member.1') ?? '', iat, exp },
      jti: String(this.tokens.length),
      'https://sts.amazonaws.com/': { aws_account: '111122223333', source_region: 'eu-west-1' },
    };
    const signed = [{ alg: 'ES384', kid: 'EC384_0', typ: 'JWT' }, claims].map(encode).join('.');
    const key = { key: this.#keys.privateKey, dsaEncoding: 'ieee-p1363' } as const;
    const token = `${signed}.${sign('sha384', Buffer.from(signed), key).toString('base64url')}`;
    this.tokens.push(token);
    const result = `<WebIdentityToken>${token}</WebIdentityToken><Expiration>${new Date(exp * 1_000).toISOString()}</Expiration>`;
    return (
      `<GetWebIdentityTokenResponse xmlns="${namespace}"><GetWebIdentityTokenResult>${result}</GetWebIdentityTokenResult>` +
      '<ResponseMetadata><RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId></ResponseMetadata></GetWebIdentityTokenResponse>'
    );
  }
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

function invalid(message: string): StsTrouble {
  return { status: 400, code: 'ValidationError', message };
}

/** https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html, as the Query protocol has it. */
function errorDocument(code: string, message: string): string {
  const text = message.replace(/[<>&"']/g, (character) => `&${escapes[character]};`);
  return (
    `<ErrorResponse xmlns="${namespace}">\n  <Error>\n    <Type>Sender</Type>\n    <Code>${code}</Code>\n` +
    `    <Message>${text}</Message>\n  </Error>\n  <RequestId>4fa6bd0e-0000-0000-0000-000000000000</RequestId>\n</ErrorResponse>\n`
  );
}

const escapes: Readonly<Record<string, string>> = {
  '<': 'lt',
  '>': 'gt',
  '&': 'amp',
  '"': 'quot',
  "'": 'apos',
};
