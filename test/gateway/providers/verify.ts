import assert from 'node:assert/strict';
import { everything } from '../../../base/named.ts';
import type { Warn } from '../../../base/schema/configuration-error.ts';
import { parse, s } from '../../../base/schema/schema.ts';
import { loadProviders } from '../../../gateway/providers/index.ts';
import {
  type Claim,
  type Forged,
  MalformedSignature,
  type Provider,
  type Unsigned,
} from '../../../gateway/providers/provider.ts';

/** Every provider. */
export const providers = await loadProviders(everything);

export function providerNamed(name: string): Provider {
  return providers.find((one) => one.name === name) ?? assert.fail(`no provider ${name}`);
}

type Found =
  | (Omit<Claim, 'kind' | 'isSigned' | 'header'> & { readonly kind: 'accepted' })
  | Forged
  | Unsigned;
/** Judges a request: by its head, then by its body. */
export type Verify = (headers: readonly string[], body: Uint8Array) => Found;

/** A verifier as the webhook plugin makes it: options parsed with their defaults, secrets loaded. */
export function verifierOf(
  provider: Provider,
  options: Readonly<Record<string, unknown>>,
  secrets: readonly (string | Uint8Array)[],
  warn: Warn = () => {},
): Verify {
  const parsed = parse(s.object(provider.options), options);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  const loaded = secrets.map((secret, at) => ({ reference: `env:SECRET_${at}`, bytes: Buffer.from(secret) }));
  const readHead = provider.create(Object.freeze(parsed.value), loaded, warn);
  return function verify(headers, body) {
    const claim = readHead(headers);
    if (claim.kind !== 'claim') return claim;
    const { id, event, timestampMs } = claim;
    const signed = claim.isSigned(body, () => false);
    assert.ok(typeof signed === 'boolean', 'a body of this size is judged at once');
    return signed
      ? { kind: 'accepted', id, event, timestampMs }
      : { kind: 'forged', detail: `${claim.header} is wrong` };
  };
}

/** Runs a verifier; `malformed` for what it throws about headers. */
export function outcome(verify: Verify, headers: readonly string[], body: Uint8Array): string {
  try {
    return verify(headers, body).kind;
  } catch (error) {
    assert.ok(error instanceof MalformedSignature, `${error}`);
    return 'malformed';
  }
}

export const flat = (headers: Readonly<Record<string, string>>): string[] => Object.entries(headers).flat();
