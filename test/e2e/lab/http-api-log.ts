import { contextVariable, type LoggedRequest } from './http-api-context.ts';

/** A stage's access log: the format with its variables, and what takes each line. */
export interface AccessLog {
  readonly format: string;
  write(line: string): void;
}

/**
 * Gives what writes a request's line: each variable is replaced by its value, or by a hyphen. Nothing is escaped, in a format
 * that is JSON either: only `error.messageString` is documented to be quoted.
 *
 * The format: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging.html;
 * the hyphen was seen: github.com/DataBiosphere/azul/issues/8192.
 *
 * @throws Error for an unknown variable, and for a format of more than 3 KB (http-api-quotas.html)
 */
export function accessLogger({ format, write }: AccessLog): (logged: LoggedRequest) => void {
  if (Buffer.byteLength(format) > 3 * 1024)
    throw new Error(`the access log's format has ${format.length} bytes; 3,072 are allowed`);
  const parts = format.split(/\$context\.([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)/);
  // Between two variables, at even places, stands text.
  const readers = parts.map((part, at) => (at % 2 === 0 ? () => part : contextVariable(part)));
  return function logRequest(logged) {
    write(readers.map((read) => read(logged) ?? '-').join(''));
  };
}
