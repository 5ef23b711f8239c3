import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { LogMetrics } from '../../functions/log-metrics.ts';
import { gatewayRefusals } from '../../gateway/answer/refusal.ts';
import { createAccessLog } from '../../gateway/observe/access-log.ts';
import type { FinishedRequest } from '../../gateway/observe/finished-request.ts';
import { most } from '../../gateway/observe/log-limits.ts';
import { measureRequests } from '../../gateway/observe/request-metrics.ts';
import type { Head } from '../../gateway/request/exchange.ts';
import { PrometheusMetrics } from '../../server/prometheus.ts';
import { measureServer } from '../../server/server-metrics.ts';
import { exchangeOf } from '../gateway/expression/exchange.ts';
import { parseMetrics } from '../support/prometheus-text.ts';
import { names, rows, section } from './pages.ts';

const path = 'docs/observability.md';
const text = section(path, '## The fields of a request').replaceAll('\n', ' ');

function logged(record: Partial<FinishedRequest>): Record<string, unknown> {
  let line = '';
  const metrics = new LogMetrics('forwarder', () => 0);
  const request = { clientIp: '192.0.2.7', method: 'GET', target: '/', headers: ['host', 'a'] };
  const rest = {
    exchange: undefined,
    status: 200,
    reply: undefined,
    durationMs: 1,
    sentBytes: 0,
    brokenOff: undefined,
  };
  const whole = { id: 'id', request, ...rest, ...record };
  measureRequests(metrics)(whole);
  createAccessLog(
    (written) => {
      line = written;
    },
    () => metrics.takeMembers(),
  )(whole);
  return JSON.parse(line);
}

function fullExchange() {
  const exchange = exchangeOf({
    subject: { type: 'webhook', id: 'github' },
    head: { droppedHeaders: 1 } as Partial<Head>,
  });
  exchange.consumer = 'github';
  exchange.attempts.push({ target: 'http://a', status: 200, code: 'upstream:reset', ms: 1 });
  exchange.trail.push({ plugin: 'webhook', result: 'refuse', reason: 'why', microseconds: 1 });
  return exchange;
}

test('docs/observability.md lists every field of the line of a request, and no other', () => {
  const line = logged({ exchange: fullExchange(), reply: gatewayRefusals.error('why'), brokenOff: 'why' });
  const listed = rows(path, '## The fields of a request').flatMap(([cell]) => names(cell));
  const written = Object.keys(line).map((name) => name.replace(/^PluginMs\..+/, 'PluginMs.NAME'));
  assert.deepEqual(listed.toSorted(), written.toSorted());
  for (const list of [line.attempts, line.trail] as Record<string, unknown>[][])
    for (const name of Object.keys(list[0] ?? {})) assert.ok(text.includes(`\`${name}\``), name);
});

test('the fields that are said to be always there are there when nothing is known but an address', () => {
  const line = logged({ request: { clientIp: '192.0.2.7' } });
  const listed = rows(path, '## The fields of a request').filter(([, there]) => there === 'always');
  const metrics = ['_aws', 'FunctionName', 'Requests', 'RequestMs', 'Refusals', 'Errors'];
  assert.deepEqual(
    [...listed.flatMap(([cell]) => names(cell)), ...metrics].toSorted(),
    Object.keys(line).toSorted(),
  );
});

test('docs/observability.md says where each text is cut', () => {
  const words = {
    id: 'ids at',
    method: 'methods at',
    host: 'hosts at',
    path: 'paths at',
    source: 'sources at',
    name: 'names at',
    text: 'the others at',
  };
  for (const [field, word] of Object.entries(words))
    assert.ok(text.includes(`${word} ${most[field as keyof typeof most].toLocaleString('en-US')}`), word);
});

test('docs/observability.md lists every event of the gateway and of postern serve, with its level', () => {
  const root = new URL('../../', import.meta.url);
  const sources = ['gateway', 'server'].flatMap((folder) =>
    readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(new URL(`${folder}/${file}`, root), 'utf8')),
  );
  const logs = sources
    .flatMap((source) => [...source.matchAll(/\blog\.(info|warn|error)\('([a-z-]+)'/g)])
    .map(([, level, event]) => `${event} ${level}`);
  const listed = rows(path, '## Other events').map(([event, level]) => `${names(event)[0]} ${level}`);
  assert.deepEqual(listed.toSorted(), [...new Set(logs)].toSorted());
});

test('docs/observability.md lists every metric of postern serve, with its type and its labels', () => {
  const metrics = new PrometheusMetrics();
  measureServer(metrics, () => ({ connections: 0, requests: 0, heldBytes: 0 }));
  const request = { clientIp: '192.0.2.7' };
  const rest = { reply: undefined, durationMs: 1, sentBytes: 0, brokenOff: undefined };
  measureRequests(metrics)({ id: 'id', request, exchange: fullExchange(), status: 200, ...rest });
  const written = [...parseMetrics(metrics.text())].map(([name, { type, samples }]) => {
    const [first] = samples;
    const labels = Object.keys(first?.labels ?? {}).filter((label) => label !== 'le');
    return [name, type, labels].join(' ');
  });
  const listed = rows(path, '### Of postern serve').map(([name, type, labels]) =>
    [names(name)[0], type, names(labels)].join(' '),
  );
  assert.deepEqual(listed.toSorted(), written.toSorted());
});
