import { createSecretKey, type KeyObject } from 'node:crypto';
import { ConfigurationError, type Warn } from '../../../base/schema/configuration-error.ts';

const leastBytes = 8;
const advisedBytes = 16;

/**
 * Makes the key of an HMAC: at least 8 bytes, with a warning below 16, because whoever has one signed webhook can try keys.
 *
 * Zeros at the end do not count: RFC 2104 section 2 fills a key up with them, so they change nothing.
 *
 * @throws ConfigurationError
 */
export function hmacKey(bytes: Uint8Array, reference: string, warn: Warn): KeyObject {
  const size = bytes.findLastIndex((byte) => byte !== 0) + 1;
  const what = `the secret ${reference} makes a key of ${size} bytes`;
  const hint = 'use 32 random bytes, such as from openssl rand -hex 32, and give the sender the same';
  if (size < leastBytes)
    throw new ConfigurationError(`${what}; the least is ${leastBytes}`, ['secret'], hint);
  if (size < advisedBytes) warn(['secret'], `${what}, which may be guessed`, hint);
  return createSecretKey(bytes);
}
