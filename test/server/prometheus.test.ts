import assert from 'node:assert/strict';
import test from 'node:test';
import { PrometheusMetrics } from '../../server/prometheus.ts';
import { parseMetrics, sampleOf } from '../support/prometheus-text.ts';

const events = {
  name: 'events_total',
  about: 'A backslash \\ and\na second line.',
  labels: ['kind'],
} as const;
const sizes = { name: 'size_bytes', about: 'Sizes.', labels: [], bounds: [1, 2.5] } as const;

test('nothing is written of what nobody measures', () => {
  assert.equal(new PrometheusMetrics().text(), '');
});

test('the text is that of the format, letter by letter', () => {
  const metrics = new PrometheusMetrics();
  metrics.counter(events, { kind: 'a' }).add(2);
  const histogram = metrics.histogram(sizes, {});
  for (const value of [0, 1, 1.5, 2.5, 7]) histogram.observe(value);
  metrics.gauge({ name: 'depth', about: 'Depth.', labels: [] }, () => Number.NaN);
  assert.equal(
    metrics.text(),
    `# HELP events_total A backslash \\\\ and\\na second line.
# TYPE events_total counter
events_total{kind="a"} 2
# HELP size_bytes Sizes.
# TYPE size_bytes histogram
size_bytes_bucket{le="1"} 2
size_bytes_bucket{le="2.5"} 4
size_bytes_bucket{le="+Inf"} 5
size_bytes_sum 12
size_bytes_count 5
# HELP depth Depth.
# TYPE depth gauge
depth NaN
`,
  );
});

for (const value of ['', 'a"b', 'a\\b', 'a\nb', '\\n', '\\"', '"}', 'é 漢 🚪', '{x="y"} 1'])
  test(`the value ${JSON.stringify(value)} of a label is written so that it is read as it was`, () => {
    const metrics = new PrometheusMetrics();
    metrics.counter(events, { kind: value }).add();
    const text = metrics.text();
    assert.equal(text.split('\n').length, 4);
    assert.equal(sampleOf(parseMetrics(text), 'events_total', { kind: value }), 1);
  });

test('numbers of every size are read as they were', () => {
  for (const value of [
    0,
    -0.000001,
    1e21,
    1.5e-9,
    123456789.25,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ]) {
    const metrics = new PrometheusMetrics();
    metrics.gauge({ name: 'depth', about: 'Depth.', labels: [] }, () => value);
    assert.equal(sampleOf(parseMetrics(metrics.text()), 'depth'), value);
  }
});
