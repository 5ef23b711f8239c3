import assert from 'node:assert/strict';
import type { Warn } from '../../../gateway/configuration-error.ts';
import { providers } from '../../../gateway/providers/index.ts';
import { MalformedSignature, type Provider, type Verify } from '../../../gateway/providers/provider.ts';
import { parse, s } from '../../../gateway/schema.ts';
import { exchangeOf } from '../expression/exchange.ts';

export function providerNamed(name: string): Provider {
  return providers.find((one) => one.name === name) ?? assert.fail(`no provider ${name}`);
}

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
  return provider.create(Object.freeze(parsed.value), loaded, warn);
}

/** Runs a verifier; `malformed` for what it throws about headers. */
export function outcome(verify: Verify, headers: readonly string[], body: Uint8Array): string {
  try {
    return verify(exchangeOf({ head: { headers } }), body).kind;
  } catch (error) {
    assert.ok(error instanceof MalformedSignature, `${error}`);
    return 'malformed';
  }
}

export const flat = (headers: Readonly<Record<string, string>>): string[] => Object.entries(headers).flat();
