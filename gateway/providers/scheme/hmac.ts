import type { Warn } from '../../configuration-error.ts';
import { type LoadedSecret, MalformedSignature, type Verification, type Verify } from '../provider.ts';
import { onlyHeader, parseTimestampMs, requiredHeader, signaturesIn } from './headers.ts';
import { hmacKey } from './key.ts';
import {
  createComparison,
  createMac,
  type Digest,
  type Encoding,
  signatureLength,
  signaturePattern,
} from './mac.ts';
import type { SignedTemplate } from './template.ts';

/** An HMAC over the body, and perhaps an id and a time, in a header. Names of headers in lower case. */
export interface HmacScheme {
  readonly header: string;
  /** What stands before each signature, such as `sha256=`; those with another are passed over. */
  readonly prefix: string;
  readonly digest: Digest;
  readonly encoding: Encoding;
  readonly signed: SignedTemplate;
  readonly timestamp?: { readonly header: string; readonly unitMs: 1 | 1000 } | undefined;
  readonly idHeader?: string | undefined;
  readonly eventHeader?: string | undefined;
}

const separator = /[, ]+/;
const idCharacters = /^[\x21-\x7e]{1,256}$/;

/**
 * Prepares the verification of one scheme: every signature in the header is tried with every secret, so that a sender and
 * the gateway can change secrets one after the other.
 */
export function hmacVerifier(scheme: HmacScheme, secrets: readonly LoadedSecret[], warn: Warn): Verify {
  const { header, prefix, digest, encoding, signed, timestamp, idHeader, eventHeader } = scheme;
  const macs = secrets.map(({ bytes, reference }) =>
    createMac(digest, encoding, hmacKey(bytes, reference, warn)),
  );
  const pattern = signaturePattern(digest, encoding);
  const same = createComparison(signatureLength(digest, encoding));
  const unsigned: Verification = Object.freeze({ kind: 'unsigned', detail: `no ${header} header` });
  const forged: Verification = Object.freeze({
    kind: 'forged',
    detail: `${header} was made with none of the secrets`,
  });

  function candidatesIn(value: string): readonly string[] {
    const found: string[] = [];
    for (const text of signaturesIn(value, header, separator)) {
      const signature = text.startsWith(prefix) ? text.slice(prefix.length) : '';
      if (pattern.test(signature)) found.push(encoding === 'hex' ? signature.toLowerCase() : signature);
    }
    if (found.length === 0)
      throw new MalformedSignature(`${header} holds no ${digest} signature in ${encoding}`);
    return found;
  }

  function readId(headers: readonly string[]): string | undefined {
    if (idHeader === undefined) return undefined;
    if (!signed.usesId) return onlyHeader(headers, idHeader);
    const id = requiredHeader(headers, idHeader);
    if (!idCharacters.test(id))
      throw new MalformedSignature(`${idHeader} has a character that no id has, or is too long`);
    if (signed.endOfId !== undefined && id.includes(signed.endOfId))
      throw new MalformedSignature(
        `${idHeader} holds ${JSON.stringify(signed.endOfId)}, which ends it in what is signed`,
      );
    return id;
  }

  return function verify(exchange, body) {
    const { headers } = exchange.head;
    const value = onlyHeader(headers, header);
    if (value === undefined) return unsigned;
    const candidates = candidatesIn(value);
    const id = readId(headers);
    const event = eventHeader === undefined ? undefined : onlyHeader(headers, eventHeader);
    const time = timestamp === undefined ? '' : requiredHeader(headers, timestamp.header);
    const timestampMs = timestamp && parseTimestampMs(time, timestamp.header, timestamp.unitMs);
    const before = signed.before(id ?? '', time);
    const after = signed.after(id ?? '', time);
    for (const mac of macs) {
      const expected = mac(before, body, after);
      for (const candidate of candidates) {
        if (same(expected, candidate)) return { kind: 'accepted', id, event, timestampMs };
      }
    }
    return forged;
  };
}
