import type { FinishedRequest } from './handling.ts';
import type { Log, LogFields } from './plugin.ts';

/**
 * Writes one JSON object a line: time (RFC 3339), level, event, then the fields.
 *
 * `write` gets the line with its newline. What must not be in a log must not be in the fields: secrets, query strings, bodies.
 */
export function createLog(write: (line: string) => void): Log {
  function lineWriter(level: 'info' | 'warn' | 'error') {
    return function writeLine(event: string, fields?: LogFields): void {
      write(`${JSON.stringify({ time: new Date().toISOString(), level, event, ...fields })}\n`);
    };
  }
  return { info: lineWriter('info'), warn: lineWriter('warn'), error: lineWriter('error') };
}

/** The fields of one line of the access log. The query is left out, because it may hold credentials. */
export function accessRecord(record: FinishedRequest): LogFields {
  const { exchange, request, reply } = record;
  return {
    id: record.id,
    method: request.method,
    host: exchange?.head.host,
    path: exchange?.head.path,
    route: exchange?.route.name,
    source: request.clientIp,
    subject: exchange?.subject?.id,
    consumer: exchange?.consumer,
    status: record.status,
    code: reply?.code,
    detail: reply?.detail,
    brokenOff: record.brokenOff,
    sentBytes: record.sentBytes,
    ms: Math.round(record.durationMs * 1000) / 1000,
    trail: exchange?.trail,
  };
}
