import { redact } from './redact.ts';

/** Longer, and without what could be a user, a path or a query, is only the name of a host. */
const plain = /^(?:[^@]{0,32}|https?:\/\/[A-Za-z0-9.:[\]-]{1,80}\/?)$/s;

/** A value that somebody wrote, for a message: in quotes where it can hardly hold a secret, and otherwise only how long it is. */
export function shown(text: string): string {
  const isPlain =
    plain.test(text) && (!text.includes('://') || /^https?:/.test(text)) && redact(text) === text;
  return isPlain ? JSON.stringify(text) : `a text of ${text.length} characters`;
}
