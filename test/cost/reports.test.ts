import assert from 'node:assert/strict';
import test from 'node:test';
import { metricsIn, readLogVolume } from '../../bench/lambda/log-volume.ts';
import { readReports } from '../../bench/lambda/reports.ts';

const id = 'c8d694f8-9234-48e4-9fcb-6044f5aad7e1';
const emulator = '23 Nov 2026 07:10:45,047 [INFO] (rapid)';
const metric = JSON.stringify({
  event: 'request',
  _aws: {
    Timestamp: 1,
    CloudWatchMetrics: [
      {
        Namespace: 'Postern',
        Dimensions: [['FunctionName'], ['FunctionName', 'Code']],
        Metrics: [{ Name: 'Requests' }, { Name: 'Errors' }],
      },
    ],
  },
  ...{ FunctionName: 'f', Code: 'webhook:signature', Requests: 1, Errors: 0 },
});

const lines = [
  `${emulator} INIT START(type: on-demand, phase: init)`,
  `START RequestId: ${id} Version: $LATEST`,
  '{"event":"tunnel ready"}',
  `${emulator} INIT REPORT(durationMs: 2498.868000)`,
  metric,
  `END RequestId: ${id}`,
  `REPORT RequestId: ${id}\tInit Duration: 0.09 ms\tDuration: 2780.55 ms\tBilled Duration: 2781 ms\tMemory Size: 256 MB\t`,
  `START RequestId: ${id} Version: $LATEST`,
  metric,
  `END RequestId: ${id}`,
  `REPORT RequestId: ${id}\tDuration: 43.71 ms\tBilled Duration: 44 ms\tMemory Size: 256 MB\t`,
  `${emulator} Shutting down...`,
  '{"event":"left the tailnet"}',
  '',
];

test('the first report is told apart into init and the request, the others are as they are', () => {
  const [first, second, ...more] = readReports(lines);
  assert.equal(first?.initMs, 2498.868);
  assert.ok(Math.abs((first?.durationMs ?? 0) - 281.682) < 1e-6);
  assert.deepEqual(second, { durationMs: 43.71 });
  assert.deepEqual(more, []);
});

test('a log without reports has none', () => {
  assert.deepEqual(readReports(['START RequestId: x', 'REPORT of something else']), []);
});

test("a request's volume is what stands between its first and its last line, the emulator's own lines left out", () => {
  const { bytesPerRequest, eventsPerRequest } = readLogVolume(lines);
  const wanted = lines.slice(7, 11);
  assert.equal(eventsPerRequest, 4);
  assert.equal(
    bytesPerRequest,
    wanted.reduce((sum, line) => sum + line.length, 0),
  );
});

test('the rest is once for each sandbox: its start, its end, and what a first request says more', () => {
  const { bytesPerSandbox, eventsPerSandbox } = readLogVolume(lines);
  assert.equal(eventsPerSandbox, 2);
  const more = (lines[6]?.length ?? 0) - (lines[10]?.length ?? 0);
  assert.equal(bytesPerSandbox, '{"event":"tunnel ready"}{"event":"left the tailnet"}'.length + more);
});

test('what a line has for metrics alone is counted', () => {
  const { metricBytesPerRequest } = readLogVolume(lines);
  assert.equal(metricBytesPerRequest, metric.length - '{"event":"request"}'.length);
});

test('bytes are counted, not characters', () => {
  const one = `REPORT RequestId: ${id}\tDuration: 1.00 ms\t`;
  const { bytesPerRequest } = readLogVolume([one, 'START RequestId: x', 'ü', one]);
  assert.equal(bytesPerRequest, 'START RequestId: x'.length + 2 + one.length);
});

test('a log without a warm request says so', () => {
  assert.throws(() => readLogVolume(lines.slice(0, 7)), /has 1 requests; at least two are needed/);
});

test('a metric is its namespace, its name and one set of dimension values', () => {
  assert.deepEqual(metricsIn([...lines, metric]), [
    'Postern Errors Code=webhook:signature FunctionName=f',
    'Postern Errors FunctionName=f',
    'Postern Requests Code=webhook:signature FunctionName=f',
    'Postern Requests FunctionName=f',
  ]);
});

test('a line that is not a directive has no metric', () => {
  assert.deepEqual(metricsIn(['{"_aws":{}}', '{"event":"request"}', 'words "_aws"']), []);
});
