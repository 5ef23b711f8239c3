export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

/**
 * Writes one JSON object a line: time (RFC 3339), level, event, then the fields.
 *
 * `write` receives the line with its newline. Fields must not contain secrets, query strings or bodies.
 */
export function createLog(write: (line: string) => void): Log {
  function lineWriter(level: 'info' | 'warn' | 'error') {
    return function writeLine(event: string, fields?: LogFields): void {
      write(`${JSON.stringify({ time: new Date().toISOString(), level, event, ...fields })}\n`);
    };
  }
  return { info: lineWriter('info'), warn: lineWriter('warn'), error: lineWriter('error') };
}
