import { createPublicKey, type KeyObject, verify as verifySignature } from 'node:crypto';
import { ConfigurationError, type Warn } from '../../configuration-error.ts';
import { type LoadedSecret, MalformedSignature, type Verify } from '../provider.ts';
import { onlyHeader, parseTimestampMs, requiredHeader, signaturesIn } from './headers.ts';
import { hmacKey } from './key.ts';
import { createComparison, createMac, type Mac, signatureLength, signaturePattern } from './mac.ts';

/** The headers of Standard Webhooks, which some senders call otherwise. Lower case. */
export interface StandardHeaders {
  readonly id: string;
  readonly timestamp: string;
  readonly signature: string;
}

interface Keys {
  readonly macs: readonly Mac[];
  readonly publicKeys: readonly KeyObject[];
}

const idCharacters = /^[\x21-\x7e]{1,256}$/;
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** The DER head of a SubjectPublicKeyInfo that holds an Ed25519 key (RFC 8410 section 4). */
const ed25519Head = Buffer.from('302a300506032b6570032100', 'hex');
const ed25519SignatureBytes = 64;

/**
 * Prepares the verification of Standard Webhooks 1.0 (spec/standard-webhooks.md, signature scheme): `v1,` HMAC-SHA256 with
 * `whsec_` secrets and `v1a,` Ed25519 with `whpk_` public keys, over `id.timestamp.body`.
 *
 * Every signature in the header is tried with every key of its kind.
 *
 * @throws ConfigurationError for a secret in another form
 */
export function standardVerifier(
  names: StandardHeaders,
  secrets: readonly LoadedSecret[],
  warn: Warn,
): Verify {
  const { macs, publicKeys } = readKeys(secrets, warn);
  const macPattern = signaturePattern('sha256', 'base64');
  const same = createComparison(signatureLength('sha256', 'base64'));
  const unsigned = Object.freeze({ kind: 'unsigned', detail: `no ${names.signature} header` } as const);
  const forged = Object.freeze({
    kind: 'forged',
    detail: `${names.signature} was made with none of the secrets`,
  } as const);

  function signedWithSecret(signatures: readonly string[], before: string, body: Uint8Array): boolean {
    const candidates = signatures.filter((text) => macPattern.test(text));
    if (candidates.length === 0) return false;
    return macs.some(function signedWith(mac) {
      const expected = mac(before, body, '');
      return candidates.some((candidate) => same(expected, candidate));
    });
  }

  function signedWithKey(signatures: readonly string[], before: string, body: Uint8Array): boolean {
    if (publicKeys.length === 0 || signatures.length === 0) return false;
    const message = Buffer.concat([Buffer.from(before, 'latin1'), body]);
    return signatures.some(function signed(text) {
      const signature = Buffer.from(text, 'base64');
      // Base64 has spare bits at its end; a signature is taken in one spelling only.
      if (signature.byteLength !== ed25519SignatureBytes || signature.toString('base64') !== text)
        return false;
      return publicKeys.some((key) => verifySignature(null, message, key, signature));
    });
  }

  return function verify(exchange, body) {
    const { headers } = exchange.head;
    const value = onlyHeader(headers, names.signature);
    if (value === undefined) return unsigned;
    const id = readId(headers, names.id);
    const time = requiredHeader(headers, names.timestamp);
    const timestampMs = parseTimestampMs(time, names.timestamp, 1000);
    const { v1, v1a } = byVersion(value, names.signature);
    const before = `${id}.${time}.`;
    if (!signedWithSecret(v1, before, body) && !signedWithKey(v1a, before, body)) return forged;
    return { kind: 'accepted', id, event: typeOf, timestampMs };
  };
}

/** The signatures of the versions that are known; others are passed over. */
function byVersion(
  value: string,
  name: string,
): { readonly v1: readonly string[]; readonly v1a: readonly string[] } {
  const versions = { v1: [] as string[], v1a: [] as string[] };
  for (const text of signaturesIn(value, name, ' ')) {
    if (text.startsWith('v1,')) versions.v1.push(text.slice(3));
    else if (text.startsWith('v1a,')) versions.v1a.push(text.slice(4));
  }
  if (versions.v1.length + versions.v1a.length === 0)
    throw new MalformedSignature(`${name} holds no signature of version v1 or v1a`);
  return versions;
}

/** An id with a full stop could be cut elsewhere in what is signed; the specification warns of it. */
function readId(headers: readonly string[], name: string): string {
  const id = requiredHeader(headers, name);
  if (!idCharacters.test(id) || id.includes('.'))
    throw new MalformedSignature(
      `${name} has a full stop or another character that no id has, or is too long`,
    );
  return id;
}

/** Where the recommended payload says what happened. */
function typeOf(payload: unknown): string | undefined {
  if (typeof payload !== 'object' || payload === null || !Object.hasOwn(payload, 'type')) return undefined;
  const { type } = payload as { readonly type: unknown };
  return typeof type === 'string' ? type : undefined;
}

function readKeys(secrets: readonly LoadedSecret[], warn: Warn): Keys {
  const macs: Mac[] = [];
  const publicKeys: KeyObject[] = [];
  for (const { reference, bytes } of secrets) {
    const text = Buffer.from(bytes).toString('latin1').trim();
    if (text.startsWith('whsec_'))
      macs.push(createMac('sha256', 'base64', macKey(text.slice(6), reference, warn)));
    else if (text.startsWith('whpk_')) publicKeys.push(publicKey(text.slice(5), reference));
    else if (text.startsWith('whsk_'))
      throw wrongSecret(
        reference,
        'is a private key (whsk_)',
        'only the sender may have it; put the whpk_ key here',
      );
    else
      throw wrongSecret(
        reference,
        'begins with neither whsec_ nor whpk_',
        'when the sender shows the secret without it, put whsec_ before its base64',
      );
  }
  return { macs, publicKeys };
}

function macKey(text: string, reference: string, warn: Warn): KeyObject {
  const key = decode(text, reference);
  if (key.byteLength < 24 || key.byteLength > 64)
    throw wrongSecret(reference, `has ${key.byteLength} bytes`, 'Standard Webhooks wants 24 to 64');
  return hmacKey(key, reference, warn);
}

function publicKey(text: string, reference: string): KeyObject {
  const key = decode(text, reference);
  if (key.byteLength !== 32)
    throw wrongSecret(reference, `has ${key.byteLength} bytes`, 'an Ed25519 public key has 32');
  return createPublicKey({ key: Buffer.concat([ed25519Head, key]), format: 'der', type: 'spki' });
}

function decode(text: string, reference: string): Buffer {
  if (!base64.test(text)) throw wrongSecret(reference, 'is not base64 after its prefix');
  return Buffer.from(text, 'base64');
}

function wrongSecret(reference: string, what: string, hint?: string): ConfigurationError {
  return new ConfigurationError(`the secret ${reference} ${what}`, ['secret'], hint);
}
