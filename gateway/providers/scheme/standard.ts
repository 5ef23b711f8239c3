import { createPublicKey, type KeyObject, verify as verifySignature } from 'node:crypto';
import { ConfigurationError, type Warn } from '../../../base/schema/configuration-error.ts';
import { type Claim, type LoadedSecret, MalformedSignature, type ReadHead } from '../provider.ts';
import { headerLine, readId, readTime, required, signaturesIn } from './headers.ts';
import { hmacKey } from './key.ts';
import { createComparison, createMac, type Mac, signatureLength, signaturePattern } from './mac.ts';
import { afterOthers, inTurns, someTry, type Try, turnBytes } from './tries.ts';

/** The headers of Standard Webhooks, under the names that a sender uses. Lower case. */
export interface StandardHeaders {
  readonly id: string;
  readonly timestamp: string;
  readonly signature: string;
}

interface Keys {
  readonly macs: readonly Mac[];
  readonly publicKeys: readonly KeyObject[];
}

/** 64 bytes in their only valid base64 spelling: the spare bits at the end are zero. */
const ed25519Form = /^[A-Za-z0-9+/]{85}[AQgw]==$/;
/** A signature of an unknown version; a second comma would mean two joined lines. */
const otherVersion = /^[a-z0-9]+,[\x21-\x2b\x2d-\x7e]+$/;
/** The DER head of a SubjectPublicKeyInfo with an Ed25519 key (RFC 8410 section 4). */
const ed25519Head = Buffer.from('302a300506032b6570032100', 'hex');
/** Each try hashes the whole body, because the differing part comes before it. */
const mostEd25519Tries = 4;

/**
 * Prepares the verification of Standard Webhooks 1.0 (spec/standard-webhooks.md, signature scheme): `v1,` HMAC-SHA256 with
 * `whsec_` secrets and `v1a,` Ed25519 with `whpk_` public keys, over `id.timestamp.body`.
 *
 * Every signature in the header is tried with every key of its kind.
 *
 * @throws ConfigurationError if a secret has another form
 */
export function standardVerifier(
  names: StandardHeaders,
  secrets: readonly LoadedSecret[],
  warn: Warn,
): ReadHead {
  const { macs, publicKeys } = readKeys(secrets, warn);
  const macForm = signaturePattern('sha256', 'base64');
  const same = createComparison(signatureLength('sha256', 'base64'));
  const unsigned = Object.freeze({ kind: 'unsigned', detail: `no ${names.signature} header` } as const);
  const otherKind = Object.freeze({
    kind: 'forged',
    detail: `${names.signature} has no signature of the kind that the secrets make`,
  } as const);

  function triesWithSecrets(signatures: readonly string[], before: string, body: Uint8Array): readonly Try[] {
    if (signatures.length === 0) return [];
    const matches = (expected: string) => signatures.some((signature) => same(expected, signature));
    return macs.map((mac) => () => {
      const expected = mac(before, body, '');
      return typeof expected === 'string' ? matches(expected) : expected.then(matches);
    });
  }

  function isSignedWithKeys(
    signatures: readonly string[],
    before: string,
    body: Uint8Array,
    isOver: () => boolean,
  ): boolean | Promise<boolean> {
    function verifyAny(message: Uint8Array): boolean | Promise<boolean> {
      const tries = signatures.flatMap((text) =>
        publicKeys.map((key) => () => verifyEd25519(message, key, Buffer.from(text, 'base64'))),
      );
      return someTry(tries, isOver);
    }
    const start = Buffer.from(before, 'latin1');
    if (start.byteLength + body.byteLength <= turnBytes) return verifyAny(Buffer.concat([start, body]));
    return joinInTurns(start, body, isOver).then((message) => message !== undefined && verifyAny(message));
  }

  /** The signatures of known versions; others are skipped. */
  function byVersion(value: string): { readonly v1: readonly string[]; readonly v1a: readonly string[] } {
    const v1: string[] = [];
    const v1a: string[] = [];
    for (const text of signaturesIn(value, names.signature, ' ')) {
      if (text.startsWith('v1,') && macForm.test(text.slice(3))) v1.push(text.slice(3));
      else if (text.startsWith('v1a,') && ed25519Form.test(text.slice(4))) v1a.push(text.slice(4));
      else if (/^v1a?,/.test(text) || !otherVersion.test(text))
        throw new MalformedSignature(
          `${names.signature} is not a list of signatures such as v1,BASE64, separated by spaces`,
        );
    }
    if (v1.length + v1a.length === 0)
      throw new MalformedSignature(`${names.signature} has no signature of version v1 or v1a`);
    if (v1a.length * publicKeys.length > mostEd25519Tries)
      throw new MalformedSignature(
        `${names.signature} has ${v1a.length} signatures for ${publicKeys.length} keys; at most ${mostEd25519Tries} combinations are tried`,
      );
    return { v1, v1a };
  }

  return function readHead(headers) {
    const value = headerLine(headers, names.signature);
    if (value === undefined) return unsigned;
    const { v1, v1a } = byVersion(value);
    const id = required(readId(headers, names.id), names.id);
    // An id with a full stop could be split differently in the signed text; the specification warns of it.
    if (id.includes('.')) throw new MalformedSignature(`${names.id} has a full stop`);
    const time = readTime(headers, names.timestamp, 1000);
    if (v1.length * macs.length + v1a.length * publicKeys.length === 0) return otherKind;
    const claim: Claim = {
      kind: 'claim',
      header: names.signature,
      id,
      event: typeOf,
      timestampMs: Number(time) * 1000,
      isSigned(body, isOver) {
        const before = `${id}.${time}.`;
        const tries = triesWithSecrets(v1, before, body);
        if (v1a.length * publicKeys.length === 0) return someTry(tries, isOver);
        const byKey = () => isSignedWithKeys(v1a, before, body, isOver);
        // The message is a copy of the body, and Node makes another copy for its thread.
        const isLarge = before.length + body.byteLength > turnBytes;
        return someTry([...tries, isLarge ? () => afterOthers(byKey) : byKey], isOver);
      },
    };
    return claim;
  };
}

/** A copy in one piece takes as long as hashing: most of that time is the system's allocation of memory. */
async function joinInTurns(
  start: Uint8Array,
  body: Uint8Array,
  isOver: () => boolean,
): Promise<Uint8Array | undefined> {
  if (isOver()) return undefined;
  const message = Buffer.allocUnsafeSlow(start.byteLength + body.byteLength);
  message.set(start);
  const isWhole = await inTurns(body, (piece, at) => message.set(piece, start.byteLength + at), isOver);
  return isWhole ? message : undefined;
}

/** A large message is verified in a thread of Node's. Passing it there copies it, so that has its own turn. */
function verifyEd25519(
  message: Uint8Array,
  key: KeyObject,
  signature: Uint8Array,
): boolean | Promise<boolean> {
  if (message.byteLength <= turnBytes) return verifySignature(null, message, key, signature);
  return new Promise((resolve, reject) => {
    setImmediate(() =>
      verifySignature(null, message, key, signature, (error, right) =>
        error === null ? resolve(right) : reject(error),
      ),
    );
  });
}

/** The kind of event in the recommended payload. */
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
        'if the sender shows the secret without a prefix, put whsec_ before its base64',
      );
  }
  return { macs, publicKeys };
}

function macKey(text: string, reference: string, warn: Warn): KeyObject {
  const key = decode(text, reference);
  if (key.byteLength < 24 || key.byteLength > 64)
    throw wrongSecret(reference, `has ${key.byteLength} bytes`, 'Standard Webhooks requires 24 to 64');
  return hmacKey(key, reference, warn);
}

function publicKey(text: string, reference: string): KeyObject {
  const key = decode(text, reference);
  if (key.byteLength !== 32)
    throw wrongSecret(reference, `has ${key.byteLength} bytes`, 'an Ed25519 public key has 32');
  return createPublicKey({ key: Buffer.concat([ed25519Head, key]), format: 'der', type: 'spki' });
}

function decode(text: string, reference: string): Buffer {
  const key = Buffer.from(text, 'base64');
  // A text that differs after decoding and encoding lost or gained something on its way here.
  if (key.toString('base64') !== text) throw wrongSecret(reference, 'is not base64 after its prefix');
  return key;
}

function wrongSecret(reference: string, what: string, hint?: string): ConfigurationError {
  return new ConfigurationError(`the secret ${reference} ${what}`, ['secret'], hint);
}
