/** The log has only the beginning of a longer text, so a client cannot make a line longer than this. */
export const most = {
  id: 128,
  method: 32,
  host: 255,
  path: 2_048,
  source: 64,
  name: 256,
  text: 1_024,
} as const;

/** The first `limit` characters of a text. */
export function cut(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit)}…`;
}
