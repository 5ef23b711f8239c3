import { randomBytes } from 'node:crypto';
import type { AwsOptions } from '../../base/aws/secrets.ts';
import { parseReference } from '../../base/schema/secret-reference.ts';
import { refuseBlank } from '../../base/secret-bytes.ts';
import type { Secrets } from '../../gateway/index.ts';
import { readSecretFile, readVariable } from './secrets.ts';

/** Secrets for checking a configuration where its real ones may not be at hand. */
export interface UncheckedSecrets extends Secrets {
  /** One sentence for each reference that does not resolve here, each reference once. */
  notes(): readonly string[];
}

/**
 * Makes a secrets port that asks no service: what the environment and the file system have is read, all else is a random
 * placeholder in the form of Standard Webhooks, which every provider takes, so that `postern check` needs no credentials. What is
 * missing here becomes a note and not an error.
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
