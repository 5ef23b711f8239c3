/** Keys, tokens and client secrets of Tailscale and of Headscale, wherever they stand in a text. */
const keyPattern = /\b((?:ts|hs)(?:key|cli)-)[A-Za-z0-9_-]+/g;
const concealed = new Set<string>();

/** From now on `redact` hides this value too, whatever it looks like. */
export function conceal(secret: string): void {
  if (secret.length >= 6) concealed.add(secret);
}

/** The text without any secret: what looks like one, and each value that was concealed. */
export function redact(text: string): string {
  let clean = text;
  for (const secret of concealed) clean = clean.replaceAll(secret, '[secret]');
  return clean.replace(keyPattern, '$1[…]');
}
