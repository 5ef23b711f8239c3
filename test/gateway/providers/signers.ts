import { createHmac, createPrivateKey, sign as signWith } from 'node:crypto';

/** What a sender sends, made without a line of the product. */
export interface Message {
  readonly id: string;
  readonly seconds: number;
  readonly body: Uint8Array;
}

export interface Signer {
  readonly provider: string;
  /** Its name among all senders. */
  readonly variant: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Two secrets as the sender makes them, from a number. */
  secretsOf(seed: number): { readonly sender: string; readonly gateway: string };
  /** The signature as it stands in its header, without what separates several. */
  sign(secret: string, message: Message): string;
  headers(signature: string, message: Message): Readonly<Record<string, string>>;
  readonly signatureHeader: string;
  /** Between several signatures in one header. */
  readonly separator: string;
  /** The most signatures that a header may hold. */
  readonly most: number;
  /** Whether a comma stands between several: then two lines are two signatures. */
  readonly commas: boolean;
  /** A signature of a version that is passed over. */
  readonly otherVersion?: string;
  /** Headers that the signature covers. */
  readonly covered: readonly string[];
}

const bytesOf = (seed: number, length: number) => Buffer.alloc(length, `${seed}-secret-`);

function plain(seed: number) {
  const text = bytesOf(seed, 20).toString();
  return { sender: text, gateway: text };
}

const hmacOf = (digest: string, key: Uint8Array | string, parts: readonly (string | Uint8Array)[]) =>
  createHmac(digest, key).update(Buffer.concat(parts.map((part) => Buffer.from(part))));

/** PKCS #8 (RFC 8410 section 7) and the public key, from 32 bytes. */
function ed25519(seed: number) {
  const head = Buffer.from('302e020100300506032b657004220420', 'hex');
  const key = createPrivateKey({
    key: Buffer.concat([head, bytesOf(seed, 32)]),
    format: 'der',
    type: 'pkcs8',
  });
  const { x = '' } = key.export({ format: 'jwk' });
  return { key, publicBytes: Buffer.from(x, 'base64url') };
}

const standard = {
  provider: 'standard-webhooks',
  options: {},
  signatureHeader: 'webhook-signature',
  separator: ' ',
  most: 8,
  commas: false,
  otherVersion: 'v9,unknown',
  covered: ['webhook-id', 'webhook-timestamp'],
  headers: (signature: string, { id, seconds }: Message) => ({
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': signature,
  }),
};

export const signers: readonly Signer[] = [
  {
    provider: 'github',
    variant: 'sha256',
    options: {},
    secretsOf: plain,
    sign: (secret, { body }) => `sha256=${hmacOf('sha256', secret, [body]).digest('hex')}`,
    headers: (signature, { id }) => ({
      'X-GitHub-Delivery': id,
      'X-GitHub-Event': 'push',
      'X-Hub-Signature-256': signature,
    }),
    signatureHeader: 'X-Hub-Signature-256',
    separator: ',',
    most: 1,
    commas: false,
    covered: [],
  },
  {
    ...standard,
    variant: 'v1',
    secretsOf(seed) {
      const text = `whsec_${bytesOf(seed, 32).toString('base64')}`;
      return { sender: text, gateway: text };
    },
    sign(secret, { id, seconds, body }) {
      const key = Buffer.from(secret.slice(6), 'base64');
      return `v1,${hmacOf('sha256', key, [`${id}.${seconds}.`, body]).digest('base64')}`;
    },
  },
  {
    ...standard,
    variant: 'v1a',
    most: 4,
    secretsOf: (seed) => ({
      sender: String(seed),
      gateway: `whpk_${ed25519(seed).publicBytes.toString('base64')}`,
    }),
    sign(secret, { id, seconds, body }) {
      const message = Buffer.concat([Buffer.from(`${id}.${seconds}.`), body]);
      return `v1a,${signWith(null, message, ed25519(Number(secret)).key).toString('base64')}`;
    },
  },
  {
    provider: 'hmac',
    variant: 'the body alone, base64',
    options: { header: 'X-Signature', encoding: 'base64', digest: 'sha512', idHeader: 'X-Id' },
    secretsOf: plain,
    sign: (secret, { body }) => hmacOf('sha512', secret, [body]).digest('base64'),
    headers: (signature, { id }) => ({ 'X-Id': id, 'X-Signature': signature }),
    signatureHeader: 'X-Signature',
    separator: ' ',
    most: 8,
    commas: true,
    covered: [],
  },
  {
    provider: 'hmac',
    variant: 'id before and time after the body',
    options: {
      header: 'x-sig',
      prefix: 'v1=',
      encoding: 'base64url',
      digest: 'sha384',
      signed: 'v1:{id}:{body}:{timestamp}:end',
      timestampHeader: 'x-time',
      timestampUnit: 'ms',
      idHeader: 'x-id',
      eventHeader: 'x-event',
    },
    secretsOf: plain,
    sign: (secret, { id, seconds, body }) =>
      `v1=${hmacOf('sha384', secret, [`v1:${id}:`, body, `:${seconds}000:end`]).digest('base64url')}`,
    headers: (signature, { id, seconds }) => ({
      'x-id': id,
      'x-time': `${seconds}000`,
      'x-event': 'made',
      'x-sig': signature,
    }),
    signatureHeader: 'x-sig',
    separator: ', ',
    most: 8,
    commas: true,
    otherVersion: 'v9=unknown',
    covered: ['x-id', 'x-time'],
  },
];
