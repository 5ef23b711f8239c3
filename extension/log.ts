import { createLog } from '../gateway/log.ts';
import type { Log } from '../gateway/plugin.ts';

/** Auth keys of Tailscale and of Headscale, wherever they stand in a text. */
const keyPattern = /\b((?:ts|hs)key-)[A-Za-z0-9_-]+/g;
const concealed = new Set<string>();

/** From now on `redact` hides this value too, whatever it looks like. */
export function conceal(secret: string): void {
  if (secret.length >= 8) concealed.add(secret);
}

/** The text without any auth key: what looks like one, and each value that was concealed. */
export function redact(text: string): string {
  let clean = text;
  for (const secret of concealed) clean = clean.replaceAll(secret, '[key]');
  return clean.replace(keyPattern, '$1[…]');
}

/** One JSON object a line on standard output, where Lambda's log reads it. No key gets through. */
export const log: Log = createLog(function writeRedacted(line) {
  process.stdout.write(redact(line));
});
