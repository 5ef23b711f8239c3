import fs from 'node:fs';
import { type AwsOptions, getParameter, getSecretValue } from '../../base/aws/secrets.ts';
import { systemClock } from '../../base/clock.ts';
import { CodedError } from '../../base/coded-error.ts';
import { parseReference, type SecretReference } from '../../base/schema/secret-reference.ts';
import { refuseBlank, withoutFinalLineBreak } from '../../base/secret-bytes.ts';
import type { Secrets } from '../../gateway/index.ts';

const maxFileBytes = 64 * 1024;
/** Several keys of one secret are read with one call. A rotated secret is seen when the configuration is loaded again. */
const keptMs = 5_000;

/**
 * Makes the port that reads secrets from the environment, files, AWS Secrets Manager and AWS Systems Manager.
 *
 * One line break at the end of a secret is dropped, and a blank secret is refused. A file may have up to 64 KiB. A `#key` selects
 * a string in a secret that is a JSON object. Errors name the reference and say what to do, never the value.
 */
export function createSecrets(
  env: AwsOptions['env'] = process.env,
  aws: Omit<AwsOptions, 'env'> = {},
): Secrets {
  const options = { ...aws, env };
  const kept = new Map<string, { readonly value: Promise<Uint8Array>; readonly untilMs: number }>();
  const { clock = systemClock } = aws;

  function keep(id: string, read: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const known = kept.get(id);
    if (known !== undefined && known.untilMs > clock.now()) return known.value;
    const value = read();
    kept.set(id, { value, untilMs: clock.now() + keptMs });
    value.catch(() => kept.delete(id));
    return value;
  }

  function read(reference: SecretReference): Promise<Uint8Array> | Uint8Array {
    switch (reference.kind) {
      case 'env':
        return readVariable(reference.name, env);
      case 'file':
        return readSecretFile(reference.path);
      case 'ssm':
        return getParameter(reference.name, options);
      case 'secretsmanager': {
        const { id, key } = reference;
        const whole = keep(id, () => getSecretValue(id, options));
        return key === undefined ? whole : whole.then((bytes) => pick(bytes, id, key));
      }
    }
  }

  return {
    async get(reference) {
      return refuseBlank(await read(parseReference(reference)), reference);
    },
  };
}

export function readVariable(name: string, env: AwsOptions['env']): Uint8Array {
  const value = env[name];
  if (value === undefined || value === '')
    throw new CodedError(
      'secret:unset',
      `env:${name}: the environment variable is not set; set it to the secret`,
    );
  return withoutFinalLineBreak(Buffer.from(value, 'utf8'));
}

export async function readSecretFile(path: string): Promise<Uint8Array> {
  let bytes: Buffer;
  try {
    // Not imported: node:fs/promises adds 4 ms to a cold start, and few secrets are files.
    const file = await fs.promises.open(path, 'r');
    try {
      // One byte more than allowed reveals a file that is too large, because a device or a pipe has no size to ask for.
      const buffer = Buffer.alloc(maxFileBytes + 1);
      let size = 0;
      for (;;) {
        const { bytesRead } = await file.read(buffer, size, buffer.byteLength - size);
        size += bytesRead;
        if (bytesRead === 0 || size > maxFileBytes) break;
      }
      bytes = buffer.subarray(0, size);
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw new CodedError(
      'secret:unreadable',
      `file:${path} cannot be read (${code}); check the path and who may read it`,
      {
        cause: error,
      },
    );
  }
  if (bytes.byteLength > maxFileBytes)
    throw new CodedError(
      'secret:too-long',
      `file:${path} has more than ${maxFileBytes} bytes; a secret file must contain only the secret`,
    );
  return new Uint8Array(withoutFinalLineBreak(bytes));
}

function pick(bytes: Uint8Array, id: string, key: string): Uint8Array {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    // The parser's message quotes the text around the error, which is the secret.
    throw new CodedError(
      'secret:malformed',
      `secretsmanager:${id}#${key}: the secret is not JSON; leave out #${key} or store a JSON object`,
    );
  }
  const found =
    typeof value === 'object' && value !== null && Object.hasOwn(value, key)
      ? (value as Record<string, unknown>)[key]
      : undefined;
  if (typeof found !== 'string')
    throw new CodedError(
      'secret:malformed',
      `secretsmanager:${id}#${key}: the secret has no string under that key; check the key`,
    );
  return withoutFinalLineBreak(Buffer.from(found, 'utf8'));
}
