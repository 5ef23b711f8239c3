/** Keys and the secrets of clients, of Tailscale and of Headscale, wherever they stand in a text. */
const keyPattern = /\b((?:ts|hs)(?:key|cli)-)[A-Za-z0-9_-]+/g;
/** What a token can stand in. It takes in all it can and never goes back, so the time grows with the text alone. */
const dottedRun = /[\w.-]+/g;
const tokenStart = /\beyJ[\w-]/;
/** A process that lives long meets ever new ones, which are of no use soon after. */
const maxConcealed = 256;
const leastChars = 6;
const concealed = new Set<string>();

/** From now on `redact` hides this value too, whatever it looks like, and until 256 others came after it. */
export function conceal(secret: string): void {
  if (secret.length < leastChars) return;
  concealed.delete(secret);
  concealed.add(secret);
  if (concealed.size <= maxConcealed) return;
  const [oldest] = concealed;
  concealed.delete(oldest as string);
}

/** The text without any secret: what looks like a key or a token, and each value that was concealed. */
export function redact(text: string): string {
  let clean = text;
  for (const secret of concealed) clean = clean.replaceAll(secret, '[secret]');
  return clean.replace(keyPattern, '$1[…]').replace(dottedRun, hideTokens);
}

/** JSON Web Tokens (RFC 7519): a header and claims, which are JSON objects, and a signature, in base64url, joined by dots. */
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
