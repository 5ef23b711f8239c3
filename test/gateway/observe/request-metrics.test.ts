import assert from 'node:assert/strict';
import test from 'node:test';
import { uncheckedSecrets } from '../../../adapters/secrets/unchecked.ts';
import { systemClock } from '../../../base/clock.ts';
import {
  BytesBody,
  type FinishedRequest,
  loadGateway,
  newRequestId,
  refusals,
} from '../../../gateway/index.ts';
import { measureRequests } from '../../../gateway/observe/request-metrics.ts';
import { readTailnetPorts } from '../../../gateway/upstream/tailnet/ports.ts';
import { PrometheusMetrics } from '../../../server/prometheus.ts';
import { gatewayWith, noLog, request, send, upstreamOf } from '../../support/gateway.ts';
import { parseMetrics, sampleOf } from '../../support/prometheus-text.ts';

const text = `
services: {}
routes:
  page:
    match: { path: /page, methods: [GET] }
    open: true
    answer: { status: 200, body: page }
  guarded:
    match: { path: /guarded }
    answer: { status: 204 }
    plugins: { source-ip: { allow: [192.0.2.0/24] } }
`;

async function open(finished: (record: FinishedRequest) => void = () => {}) {
  const metrics = new PrometheusMetrics();
  const { gateway } = await loadGateway(
    { file: 'postern.yaml', text },
    {
      clock: systemClock,
      log: noLog,
      metrics,
      secrets: uncheckedSecrets({}),
      tailnet: readTailnetPorts({}),
      finished,
    },
  );
  const ask = (target: string, clientIp = '192.0.2.7') =>
    send(gateway, request({ method: 'GET', target, clientIp, body: new BytesBody(Buffer.alloc(0)) }));
  return { gateway, ask, read: () => parseMetrics(metrics.text()) };
}

const counted = (metrics: ReturnType<typeof parseMetrics>) =>
  (metrics.get('postern_requests_total')?.samples ?? []).map(({ labels, value }) => [
    labels.route,
    labels.status,
    labels.code,
    value,
  ]);

test('a gateway counts its requests by route, class of status and code', async () => {
  const { gateway, ask, read } = await open();
  await ask('/page');
  await ask('/page?x=1');
  await ask('/guarded');
  await ask('/guarded', '198.51.100.7');
  await ask('/nowhere');
  assert.deepEqual(counted(read()), [
    ['page', '2xx', '', 2],
    ['guarded', '2xx', '', 1],
    ['guarded', '4xx', 'source-ip:denied', 1],
    ['', '4xx', 'gateway:no-route', 1],
  ]);
  await gateway.close();
});

test('the time of each request and of each plugin is kept, by route and by plugin', async () => {
  const records: FinishedRequest[] = [];
  const { gateway, ask, read } = await open((record) => records.push(record));
  for (const _ of [1, 2, 3]) await ask('/guarded');
  const metrics = read();
  const total = (of: (record: FinishedRequest) => number) =>
    records.reduce((sum, record) => sum + of(record), 0);
  assert.equal(sampleOf(metrics, 'postern_request_duration_seconds_count', { route: 'guarded' }), 3);
  const seconds = sampleOf(metrics, 'postern_request_duration_seconds_sum', { route: 'guarded' });
  assert.ok(Math.abs(seconds - total(({ durationMs }) => durationMs / 1_000)) < 1e-9);
  assert.equal(sampleOf(metrics, 'postern_plugin_duration_seconds_count', { plugin: 'source-ip' }), 3);
  const plugin = sampleOf(metrics, 'postern_plugin_duration_seconds_sum', { plugin: 'source-ip' });
  const microseconds = total(({ exchange }) => exchange?.trail[0]?.microseconds ?? 0);
  assert.ok(Math.abs(plugin - microseconds / 1e6) < 1e-9);
  await gateway.close();
});

test('what a client sends never becomes a label', async () => {
  const { gateway, ask, read } = await open();
  for (const secret of ['a-path', 'b-path', 'c-path']) await ask(`/${secret}`);
  assert.deepEqual(counted(read()), [['', '4xx', 'gateway:no-route', 3]]);
  await gateway.close();
});

test('what the host refused is counted by its code, and a client that left as a request without a status', async () => {
  const metrics = new PrometheusMetrics();
  const gateway = gatewayWith({ upstream: upstreamOf(() => {}), finished: measureRequests(metrics) });
  const no = refusals('http', { malformed: [400, 'The request is malformed'] });
  gateway.refused({ clientIp: '192.0.2.7' }, newRequestId(), no.malformed(), 0);
  const sink = { head() {}, data: () => true, end() {}, abort() {} };
  gateway.handle(request({}), sink).cancel();
  assert.deepEqual(counted(parseMetrics(metrics.text())), [
    ['', '4xx', 'http:malformed', 1],
    ['all', 'none', '', 1],
  ]);
  await gateway.close();
});
