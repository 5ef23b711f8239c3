import { findHeader } from '../../base/http/headers.ts';
import { normalizeIp } from '../../base/net/address.ts';
import type { AttemptEntry, TrailEntry } from '../request/exchange.ts';
import type { FinishedRequest, SeenRequest } from './finished-request.ts';
import { cut, most } from './log-limits.ts';

/**
 * Writes one line of JSON for each finished request; `write` gets it with its newline.
 *
 * The query is omitted, because it may contain credentials. The line is built as text, because this runs for every request, and an
 * object for JSON.stringify costs more. Every text is cut at its limit and quoted, even if it was checked before.
 *
 * @param further more members of the object, as JSON text that begins with a comma
 */
export function createAccessLog(
  write: (line: string) => void,
  further?: (record: FinishedRequest) => string,
): (record: FinishedRequest) => void {
  return function logRequest(record) {
    const { exchange, reply, brokenOff } = record;
    let line = `{"time":"${timestamp(Date.now())}","level":"info","event":"request","id":${quoted(record.id, most.id)}`;
    if (exchange !== undefined) {
      const { head, route, subject, consumer } = exchange;
      line += `,"method":${quoted(head.method, most.method)},"host":${quoted(head.host, most.host)}`;
      line += `,"path":${quoted(head.path, most.path)},"route":${quoted(route.name, most.name)}`;
      line += `,"source":${quoted(head.clientIp, most.source)}`;
      if (subject !== undefined) line += `,"subject":${quoted(subject.id, most.name)}`;
      if (consumer !== undefined) line += `,"consumer":${quoted(consumer, most.name)}`;
      if (head.droppedHeaders) line += `,"droppedHeaders":${head.droppedHeaders}`;
    } else line += withoutRoute(record.request);
    line += `,"status":${record.status}`;
    if (reply !== undefined) {
      line += `,"code":${quoted(reply.code, most.name)}`;
      if (reply.detail !== undefined) line += `,"detail":${quoted(reply.detail, most.text)}`;
    }
    if (brokenOff !== undefined) line += `,"brokenOff":${quoted(brokenOff, most.text)}`;
    line += `,"sentBytes":${record.sentBytes},"ms":${rounded(record.durationMs)}`;
    if (exchange !== undefined) {
      if (exchange.attempts.length > 0) line += `,"attempts":[${attemptsOf(exchange.attempts)}]`;
      line += `,"trail":[${trailOf(exchange.trail)}]`;
    }
    if (further !== undefined) line += further(record);
    write(`${line}}\n`);
  };
}

/** As the client sent it, not normalized. */
function withoutRoute({ method, target, headers, clientIp }: SeenRequest): string {
  let text = '';
  if (method !== undefined) text += `,"method":${quoted(method, most.method)}`;
  const host = headers === undefined ? undefined : findHeader(headers, 'host');
  if (host !== undefined) text += `,"host":${quoted(host, most.host)}`;
  if (target !== undefined) text += `,"path":${quoted(pathOf(target), most.path)}`;
  return `${text},"source":${quoted(normalizeIp(clientIp) ?? clientIp ?? 'unknown', most.source)}`;
}

/** Without the query, and without the scheme and authority of a URL, which may hold a password. */
function pathOf(target: string): string {
  const end = target.search(/[?#]/);
  const path = end < 0 ? target : target.slice(0, end);
  if (path.startsWith('/')) return path;
  const authority = path.indexOf('://');
  if (authority < 0) return path.slice(path.lastIndexOf('@') + 1);
  const slash = path.indexOf('/', authority + 3);
  return slash < 0 ? '/' : path.slice(slash);
}

function trailOf(trail: readonly TrailEntry[]): string {
  let text = '';
  for (const { plugin, result, reason, microseconds } of trail) {
    const why = reason === undefined ? '' : `,"reason":${quoted(reason, most.text)}`;
    text += `${text === '' ? '' : ','}{"plugin":${quoted(plugin, most.name)},"result":"${result}"${why},"microseconds":${microseconds}}`;
  }
  return text;
}

function attemptsOf(attempts: readonly AttemptEntry[]): string {
  let text = '';
  for (const { target, status, code, ms } of attempts) {
    text += `${text === '' ? '' : ','}{"target":${quoted(target, most.name)}`;
    if (status !== undefined) text += `,"status":${status}`;
    if (code !== undefined) text += `,"code":${quoted(code, most.name)}`;
    text += `,"ms":${rounded(ms)}}`;
  }
  return text;
}

/** To microseconds. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

const plain = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

function quoted(text: string, limit: number): string {
  const short = cut(text, limit);
  return plain.test(short) ? `"${short}"` : JSON.stringify(short);
}

let lastMs = 0;
let lastText = '';

/** RFC 3339, computed once per millisecond. */
function timestamp(ms: number): string {
  if (ms !== lastMs) {
    lastMs = ms;
    lastText = new Date(ms).toISOString();
  }
  return lastText;
}
