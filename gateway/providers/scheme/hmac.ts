import type { Warn } from '../../../base/schema/configuration-error.ts';
import { type Claim, type LoadedSecret, MalformedSignature, type ReadHead } from '../provider.ts';
import {
  headerLine,
  readEvent,
  readId,
  readTime,
  required,
  signaturesIn,
  type TimeUnitMs,
} from './headers.ts';
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
import { someTry } from './tries.ts';

/** An HMAC over the body, and possibly an id and a time, in a header. Names of headers are in lower case. */
export interface HmacScheme {
  readonly header: string;
  /** The prefix of each signature, such as `sha256=`. */
  readonly prefix: string;
  /** Whether the header may have several signatures, separated by commas or spaces; those with another prefix are skipped. */
  readonly several: boolean;
  readonly digest: Digest;
  readonly encoding: Encoding;
  readonly signed: SignedTemplate;
  readonly timestamp?: { readonly header: string; readonly unitMs: TimeUnitMs } | undefined;
  readonly idHeader?: string | undefined;
  readonly eventHeader?: string | undefined;
}

const separator = / *, *| +/;
const visible = /^[\x21-\x7e]+$/;

/**
 * Prepares the verification of one scheme. Every signature in the header is tried with every secret, so that the sender and the
 * gateway can rotate a secret at different times. The body is hashed once for each secret.
 */
export function hmacVerifier(scheme: HmacScheme, secrets: readonly LoadedSecret[], warn: Warn): ReadHead {
  const { header, prefix, several, digest, encoding, signed, timestamp, idHeader, eventHeader } = scheme;
  const macs = secrets.map(({ bytes, reference }) =>
    createMac(digest, encoding, hmacKey(bytes, reference, warn)),
  );
  const pattern = signaturePattern(digest, encoding);
  const same = createComparison(signatureLength(digest, encoding));
  const unsigned = Object.freeze({ kind: 'unsigned', detail: `no ${header} header` } as const);

  function candidatesIn(value: string): readonly string[] {
    const found: string[] = [];
    for (const text of several ? signaturesIn(value, header, separator) : [value]) {
      const ours = text.startsWith(prefix);
      const signature = text.slice(prefix.length);
      if (ours ? !pattern.test(signature) : !several || !visible.test(text)) throw malformed();
      if (ours) found.push(encoding === 'hex' ? signature.toLowerCase() : signature);
    }
    if (found.length === 0) throw malformed();
    return found;
  }

  function malformed(): MalformedSignature {
    const form = `${digest} in ${encoding}${prefix === '' ? '' : ` after ${prefix}`}`;
    return new MalformedSignature(
      `${header} is not ${several ? 'a list of signatures' : 'one signature'}, ${form}`,
    );
  }

  function idOf(headers: readonly string[]): string | undefined {
    if (idHeader === undefined) return undefined;
    const id = readId(headers, idHeader);
    if (!signed.usesId) return id;
    if (signed.endOfId !== undefined && required(id, idHeader).includes(signed.endOfId))
      throw new MalformedSignature(
        `${idHeader} has ${JSON.stringify(signed.endOfId)}, which ends the id in the signed text`,
      );
    return id;
  }

  return function readHead(headers) {
    const value = headerLine(headers, header);
    if (value === undefined) return unsigned;
    const candidates = candidatesIn(value);
    const id = idOf(headers);
    const event = eventHeader === undefined ? undefined : readEvent(headers, eventHeader);
    const time = timestamp === undefined ? '' : readTime(headers, timestamp.header, timestamp.unitMs);
    const claim: Claim = {
      kind: 'claim',
      header,
      id,
      event,
      timestampMs: timestamp && Number(time) * timestamp.unitMs,
      isSigned(body, isOver) {
        const before = signed.before(id ?? '', time);
        const after = signed.after(time);
        const matches = (expected: string) => candidates.some((candidate) => same(expected, candidate));
        return someTry(
          macs.map((mac) => () => {
            const expected = mac(before, body, after);
            return typeof expected === 'string' ? matches(expected) : expected.then(matches);
          }),
          isOver,
        );
      },
    };
    return claim;
  };
}
