/** Of longer texts the log has the beginning: a client can make a line no longer than this, whatever it sends. */
export const most = {
  id: 128,
  method: 32,
  host: 255,
  path: 2_048,
  source: 64,
  name: 256,
  text: 1_024,
} as const;

/** The beginning of a text, at most `limit` characters of it. */
export function cut(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit)}…`;
}
