import { createLog } from '../gateway/log.ts';
import type { Log } from '../gateway/plugin.ts';

/** Auth keys of Tailscale and of Headscale, wherever they stand in a text. */
const keyPattern = /\b((?:ts|hs)key-)[A-Za-z0-9_-]+/g;
/** JSON Web Tokens (RFC 7519): a header and claims, which are JSON objects, and a signature, in base64url. */
const tokenPattern = /\beyJ[\w-]+\.eyJ[\w-]+\.[\w-]+/g;
/** Each join by identity brings three, which are of no use some minutes later. */
const maxConcealed = 64;
const concealed = new Set<string>();

/** From now on `redact` hides this value too, whatever it looks like, and until 64 others came after it. */
export function conceal(secret: string): void {
  if (secret.length < 8) return;
  concealed.delete(secret);
  concealed.add(secret);
  if (concealed.size <= maxConcealed) return;
  const [oldest] = concealed;
  concealed.delete(oldest as string);
}

/** The text without any key or token: what looks like one, and each value that was concealed. */
export function redact(text: string): string {
  let clean = text;
  for (const secret of concealed) clean = clean.replaceAll(secret, '[key]');
  return clean.replace(keyPattern, '$1[…]').replace(tokenPattern, '[token]');
}

/** One JSON object a line on standard output, where Lambda's log reads it. No key gets through. */
export const log: Log = createLog(function writeRedacted(line) {
  process.stdout.write(redact(line));
});
