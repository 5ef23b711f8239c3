const longest = 63;

/** Whether a text is one label of a DNS name, the form of node names in tailnets (RFC 1035 section 2.3.1, RFC 1123 section 2.1). */
export function isDnsLabel(text: string): boolean {
  return /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(text);
}

/**
 * Makes a DNS label of any name; other characters become hyphens.
 *
 * A name that is too long is cut and gets a hash of the whole, because generated names differ at their end.
 */
export function dnsLabel(name: string): string | undefined {
  const label = trimHyphens(name.toLowerCase().replace(/[^a-z0-9]/g, '-'));
  if (label === '') return undefined;
  if (label.length <= longest) return label;
  const hash = fnv1a(name).toString(16).padStart(8, '0');
  return `${trimHyphens(label.slice(0, longest - hash.length - 1))}-${hash}`;
}

/** Without a regular expression: one that trims the end takes quadratic time on many hyphens in a row. */
function trimHyphens(text: string): string {
  let start = 0;
  let end = text.length;
  while (text[start] === '-') start += 1;
  while (end > start && text[end - 1] === '-') end -= 1;
  return text.slice(start, end);
}

/** FNV-1a, 32 bits, so that node:crypto is not loaded for this alone. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
