import { ConfigurationError } from '../../base/schema/configuration-error.ts';

/** A range in an expression's source, in characters. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

const mostColumns = 100;

/**
 * Makes the error for a place in an expression: the message, the line, and a caret under the place.
 *
 *     unknown name "webook"
 *       1 | webook.event == 'push'
 *         | ^^^^^^
 */
export function sourceError(source: string, span: Span, message: string, hint?: string): ConfigurationError {
  const start = Math.min(span.start, source.length);
  const lineStart = source.lastIndexOf('\n', start - 1) + 1;
  const newline = source.indexOf('\n', start);
  const lineEnd = newline < 0 ? source.length : newline;
  const number = source.slice(0, lineStart).split('\n').length;
  const from = start - lineStart > mostColumns ? start - mostColumns / 2 : lineStart;
  const line = source.slice(from, Math.min(lineEnd, from + mostColumns)).replaceAll('\t', ' ');
  const gutter = ' '.repeat(String(number).length);
  const width = Math.max(1, Math.min(span.end, lineEnd, from + mostColumns) - start);
  const lead = from > lineStart ? '…' : '';
  const indent = ' '.repeat(start - from + lead.length);
  return new ConfigurationError(
    `${message}\n  ${number} | ${lead}${line}\n  ${gutter} | ${indent}${'^'.repeat(width)}`,
    [],
    hint,
    'config:expression',
  );
}
