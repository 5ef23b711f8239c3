import { redact } from './redact.ts';

/** A text that is short, or the URL of a host without user, path and query. */
const plain = /^(?:[^@]{0,32}|https?:\/\/[A-Za-z0-9.:[\]-]{1,80}\/?)$/s;

/** The form of a user's value in a message: quoted if it can hardly contain a secret, otherwise only its length. */
export function displayValue(text: string): string {
  const isPlain =
    plain.test(text) && (!text.includes('://') || /^https?:/.test(text)) && redact(text) === text;
  return isPlain ? JSON.stringify(text) : `a string of ${text.length} characters`;
}
