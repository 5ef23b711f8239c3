import { randomBytes } from 'node:crypto';
import type { AwsOptions } from '../../base/aws/secrets.ts';
import { parseReference } from '../../base/schema/secret-reference.ts';
import { refuseBlank } from '../../base/secret-bytes.ts';
import type { Secrets } from '../../gateway/index.ts';
import { readSecretFile, readVariable } from './secrets.ts';

/** Secrets for checking a configuration where the real ones may not be available. */
export interface UncheckedSecrets extends Secrets {
  /** One sentence for each reference that cannot be resolved here, without repetition. */
  notes(): readonly string[];
}

/**
 * Makes a secrets port that calls no service, so that `postern check` needs no credentials. It reads the environment and the file
 * system. Every other secret becomes a random placeholder in the form of Standard Webhooks, which every provider accepts. A missing
 * secret becomes a note, not an error.
 */
export function uncheckedSecrets(env: AwsOptions['env'] = process.env): UncheckedSecrets {
  const missing = new Map<string, string>();
  const placeholder = Buffer.from(`whsec_${randomBytes(32).toString('base64')}`);

  async function get(text: string): Promise<Uint8Array> {
    const reference = parseReference(text);
    if (reference.kind !== 'env' && reference.kind !== 'file') return placeholder;
    let bytes: Uint8Array;
    try {
      bytes =
        reference.kind === 'env' ? readVariable(reference.name, env) : await readSecretFile(reference.path);
    } catch (error) {
      missing.set(text, (error as Error).message);
      return placeholder;
    }
    return refuseBlank(bytes, text);
  }

  return { get, notes: () => [...missing.values()] };
}
