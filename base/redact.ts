/** Keys and client secrets of Tailscale and Headscale, anywhere in a text. */
const keyPattern = /\b((?:ts|hs)(?:key|cli)-)[A-Za-z0-9_-]+/g;
/** A run of characters that may contain a token. The pattern never backtracks, so its time is linear in the text. */
const dottedRun = /[\w.-]+/g;
const tokenStart = /\beyJ[\w-]/;
/** A long-lived process conceals new values all the time, and old ones soon expire. */
const maxConcealed = 256;
const leastChars = 6;
const concealed = new Set<string>();

/** Makes `redact` hide this value too, in any format, until 256 other values were added after it. */
export function conceal(secret: string): void {
  if (secret.length < leastChars) return;
  concealed.delete(secret);
  concealed.add(secret);
  if (concealed.size <= maxConcealed) return;
  const [oldest] = concealed;
  concealed.delete(oldest as string);
}

/** The text without secrets: everything that looks like a key or a token, and each concealed value. */
export function redact(text: string): string {
  let clean = text;
  for (const secret of concealed) clean = clean.replaceAll(secret, '[secret]');
  return clean.replace(keyPattern, '$1[…]').replace(dottedRun, hideTokens);
}

/** JSON Web Tokens (RFC 7519): a header and claims, which are JSON objects, and a signature, in base64url, separated by dots. */
function hideTokens(run: string): string {
  if (!run.includes('.eyJ')) return run;
  const parts = run.split('.');
  const shown: string[] = [];
  for (let at = 0; at < parts.length; at += 1) {
    const part = parts[at] as string;
    const claims = parts[at + 1] ?? '';
    const signature = parts[at + 2] ?? '';
    const start =
      claims.length > 3 && claims.startsWith('eyJ') && signature !== '' ? part.search(tokenStart) : -1;
    shown.push(start < 0 ? part : `${part.slice(0, start)}[token]`);
    if (start >= 0) at += 2;
  }
  return shown.join('.');
}
