/**
 * The object that a JSON text holds; undefined if it is not JSON, or not an object. The parser's own error is not told: it quotes
 * the text, which may be a secret.
 */
export function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
