import { createSecretKey, type KeyObject } from 'node:crypto';
import { ConfigurationError, type Warn } from '../../../base/schema/configuration-error.ts';

const leastBytes = 8;
const advisedBytes = 16;

/**
 * Makes the key of an HMAC. It needs at least 8 bytes, with a warning below 16: anyone with one signed webhook can try keys.
 *
 * Zeros at the end do not count: RFC 2104 section 2 pads a key with them, so they change nothing.
 *
 * @throws ConfigurationError
 */
export function hmacKey(bytes: Uint8Array, reference: string, warn: Warn): KeyObject {
  const size = bytes.findLastIndex((byte) => byte !== 0) + 1;
  const what = `the secret ${reference} makes a key of ${size} bytes`;
  const hint =
    'use 32 random bytes, for example from openssl rand -hex 32, and give the sender the same secret';
  if (size < leastBytes)
    throw new ConfigurationError(`${what}; the minimum is ${leastBytes}`, ['secret'], hint);
  if (size < advisedBytes) warn(['secret'], `${what}, which can be guessed`, hint);
  return createSecretKey(bytes);
}
