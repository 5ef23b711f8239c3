import type { TrailEntry } from './exchange.ts';
import type { FinishedRequest } from './handling.ts';
import { clientAddress } from './request.ts';

/**
 * Writes one line of JSON for each request that is over; `write` gets it with its newline.
 *
 * The query is left out, because it may hold credentials. It is put together by hand: this runs for every request, and
 * so no object of these fields has to be made for JSON.stringify. What can hold a quote, a backslash or a control
 * character goes through JSON.stringify; the rest was checked before (canonical path, host, method, code, names of the configuration).
 *
 * @param further more members of the object, as JSON text that begins with a comma
 */
export function createAccessLog(
  write: (line: string) => void,
  further?: (record: FinishedRequest) => string,
): (record: FinishedRequest) => void {
  return function logRequest(record) {
    const { exchange, reply, brokenOff } = record;
    let line = `{"time":"${timestamp(Date.now())}","level":"info","event":"request","id":${quoted(record.id)}`;
    line += `,"method":${quoted(record.request.method)}`;
    if (exchange !== undefined) {
      const { head, route, subject, consumer } = exchange;
      line += `,"host":"${head.host}","path":"${head.path}","route":"${route.name}","source":"${head.clientIp}"`;
      if (subject !== undefined) line += `,"subject":${quoted(subject.id)}`;
      if (consumer !== undefined) line += `,"consumer":"${consumer}"`;
      if (head.droppedHeaders) line += `,"droppedHeaders":${head.droppedHeaders}`;
    } else line += `,"source":${quoted(clientAddress(record.request.clientIp))}`;
    line += `,"status":${record.status}`;
    if (reply !== undefined) {
      line += `,"code":"${reply.code}"`;
      if (reply.detail !== undefined) line += `,"detail":${JSON.stringify(reply.detail)}`;
    }
    if (brokenOff !== undefined) line += `,"brokenOff":${JSON.stringify(brokenOff)}`;
    line += `,"sentBytes":${record.sentBytes},"ms":${Math.round(record.durationMs * 1000) / 1000}`;
    if (exchange !== undefined) line += `,"trail":[${trailOf(exchange.trail)}]`;
    if (further !== undefined) line += further(record);
    write(`${line}}\n`);
  };
}

function trailOf(trail: readonly TrailEntry[]): string {
  let text = '';
  for (const { plugin, result, reason, microseconds } of trail) {
    const why = reason === undefined ? '' : `,"reason":${JSON.stringify(reason)}`;
    text += `${text === '' ? '' : ','}{"plugin":"${plugin}","result":"${result}"${why},"microseconds":${microseconds}}`;
  }
  return text;
}

const plain = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

function quoted(text: string): string {
  return plain.test(text) ? `"${text}"` : JSON.stringify(text);
}

let lastMs = 0;
let lastText = '';

/** RFC 3339, made once a millisecond. */
function timestamp(ms: number): string {
  if (ms !== lastMs) {
    lastMs = ms;
    lastText = new Date(ms).toISOString();
  }
  return lastText;
}
