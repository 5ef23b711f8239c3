/**
 * The object in a JSON text; undefined if the text is not JSON or not an object. The parser's error is dropped because it quotes
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
