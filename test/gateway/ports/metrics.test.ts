import assert from 'node:assert/strict';
import test from 'node:test';
import { LogMetrics } from '../../../functions/log-metrics.ts';
import type { Metrics } from '../../../gateway/index.ts';
import { PrometheusMetrics } from '../../../server/prometheus.ts';
import { valuesOf } from '../../functions/emf.ts';
import { parseMetrics } from '../../support/prometheus-text.ts';

// The contract of Metrics, over the implementation of each host.

/** Of a metric with all its series: the sum of what was added or observed, and how many observations there were. */
interface Total {
  readonly sum: number;
  readonly count: number;
}

interface Opened {
  readonly metrics: Metrics;
  /** All that was measured until now. */
  total(name: string): Total;
}

function openPrometheus(): Opened {
  const metrics = new PrometheusMetrics();
  return {
    metrics,
    total(name) {
      const { type, samples } = parseMetrics(metrics.text()).get(name) ?? assert.fail(`no ${name}`);
      const sumOf = (suffix: string) =>
        samples
          .filter((sample) => sample.name === `${name}${suffix}`)
          .reduce((sum, { value }) => sum + value, 0);
      if (type === 'histogram') return { sum: sumOf('_sum'), count: sumOf('_count') };
      return { sum: sumOf(''), count: samples.length };
    },
  };
}

/** CloudWatch adds up the lines; a gauge has one value in each. */
function openLog(): Opened {
  const metrics = new LogMetrics('forwarder', () => 1_900_000_000_000);
  const values = new Map<string, number[]>();
  function readLine(): boolean {
    const members = metrics.takeMembers();
    if (members === '') return false;
    for (const [name, found] of valuesOf(`{"event":"request"${members}}\n`))
      values.set(name, [...(values.get(name) ?? []), ...found]);
    return true;
  }
  return {
    metrics,
    total(name) {
      while (readLine() && !name.endsWith('_now'));
      const found = name.endsWith('_now') ? (values.get(name) ?? []).slice(-1) : (values.get(name) ?? []);
      return { sum: found.reduce((sum, value) => sum + value, 0), count: found.length };
    },
  };
}

const requests = { name: 'test_requests_total', about: 'Requests.', labels: ['route', 'code'] } as const;
const sizes = { name: 'test_size_bytes', about: 'Sizes.', labels: ['route'], bounds: [10, 100] } as const;
const held = { name: 'test_held_now', about: 'What is held.', labels: [] } as const;
const one = { route: 'a', code: '' };

for (const [name, open] of [
  ['PrometheusMetrics', openPrometheus],
  ['LogMetrics', openLog],
] as const) {
  test(`${name}: a counter adds one, or as much as it is told`, () => {
    const { metrics, total } = open();
    const counter = metrics.counter(requests, one);
    counter.add();
    counter.add(41.5);
    assert.equal(total(requests.name).sum, 42.5);
    counter.add();
    assert.equal(total(requests.name).sum, 43.5);
  });

  test(`${name}: the same metric with the same labels is the same series, in any order of the labels`, () => {
    const { metrics, total } = open();
    const counter = metrics.counter(requests, { route: 'a', code: 'b' });
    assert.equal(metrics.counter({ ...requests }, { code: 'b', route: 'a' }), counter);
    const histogram = metrics.histogram(sizes, { route: 'a' });
    assert.equal(metrics.histogram(sizes, { route: 'a' }), histogram);
    counter.add();
    metrics.counter(requests, { route: 'a', code: 'b' }).add();
    assert.equal(total(requests.name).sum, 2);
  });

  test(`${name}: other labels are another series, also where they would join to the same text`, () => {
    const { metrics, total } = open();
    const counters = [
      metrics.counter(requests, { route: 'a', code: '","b' }),
      metrics.counter(requests, { route: 'a","', code: 'b' }),
      metrics.counter(requests, { route: '', code: '' }),
    ];
    assert.equal(new Set(counters).size, 3);
    for (const counter of counters) counter.add();
    assert.equal(total(requests.name).sum, 3);
  });

  test(`${name}: a histogram keeps how many values there were and their sum, however many`, () => {
    const { metrics, total } = open();
    const histogram = metrics.histogram(sizes, { route: 'a' });
    for (let at = 0; at < 250; at += 1) histogram.observe(at);
    metrics.histogram(sizes, { route: 'b' }).observe(0.5);
    assert.deepEqual(total(sizes.name), { sum: 31_125.5, count: 251 });
  });

  test(`${name}: what is not a number that counts is left out, and breaks nothing`, () => {
    const { metrics, total } = open();
    const counter = metrics.counter(requests, one);
    const histogram = metrics.histogram(sizes, { route: 'a' });
    counter.add();
    histogram.observe(0);
    for (const wrong of [Number.NaN, -1, Number.POSITIVE_INFINITY]) {
      counter.add(wrong);
      histogram.observe(wrong);
    }
    assert.equal(total(requests.name).sum, 1);
    assert.deepEqual(total(sizes.name), { sum: 0, count: 1 });
  });

  test(`${name}: a gauge is read when somebody wants to know it, by the function given last`, () => {
    const { metrics, total } = open();
    let value = 3;
    metrics.gauge(held, () => assert.fail('an old function was called'));
    metrics.gauge(held, () => value);
    assert.equal(total(held.name).sum, 3);
    value = Number.NaN;
    total(held.name);
    value = -0.5;
    assert.equal(total(held.name).sum, -0.5);
  });

  test(`${name}: beyond ten thousand series of a metric all others are counted together`, () => {
    const { metrics, total } = open();
    for (let at = 0; at < 10_000; at += 1) metrics.counter(requests, { route: `r${at}`, code: '' }).add();
    const further = metrics.counter(requests, { route: 'one more', code: '' });
    assert.equal(metrics.counter(requests, { route: 'and another', code: 'x' }), further);
    assert.notEqual(metrics.counter(requests, { route: 'r9999', code: '' }), further);
    further.add(2);
    assert.equal(total(requests.name).sum, 10_002);
  });

  const wrong: readonly (readonly [what: string, declare: (metrics: Metrics) => unknown, message: RegExp])[] =
    [
      [
        'a counter whose name does not end in _total',
        (metrics) => metrics.counter({ ...requests, name: 'test_requests' }, one),
        /the metric test_requests has no valid name/,
      ],
      [
        'a histogram whose name ends in _total',
        (metrics) => metrics.histogram({ ...sizes, name: 'test_total' }, { route: 'a' }),
        /no valid name/,
      ],
      [
        'a name with a hyphen',
        (metrics) => metrics.gauge({ ...held, name: 'test-held' }, () => 0),
        /no valid name/,
      ],
      [
        'a label of the buckets',
        (metrics) => metrics.histogram({ ...sizes, labels: ['le'] }, { le: '1' }),
        /the label le of test_size_bytes has no valid name/,
      ],
      [
        'bounds that are not in ascending order',
        (metrics) => metrics.histogram({ ...sizes, bounds: [1, 1] }, { route: 'a' }),
        /the bounds of test_size_bytes are not in ascending order: 1, 1/,
      ],
      [
        'a label that is missing',
        (metrics) => metrics.counter<string>(requests, { route: 'a' }),
        /test_requests_total has the labels route, code; got route$/,
      ],
      [
        'a label that was not declared',
        (metrics) => metrics.counter<string>(requests, { ...one, source: '192.0.2.7' }),
        /test_requests_total has the labels route, code; got route, code, source$/,
      ],
      [
        'another label in the place of one',
        (metrics) => metrics.counter<string>(requests, { route: 'a', status: '2xx' }),
        /test_requests_total has the labels route, code; got route, status$/,
      ],
      [
        'a metric that was declared with other labels',
        (metrics) => {
          metrics.counter(requests, one);
          metrics.counter({ ...requests, labels: ['route'] }, { route: 'a' });
        },
        /test_requests_total is declared twice/,
      ],
      [
        'a metric that was declared with other bounds',
        (metrics) => {
          metrics.histogram(sizes, { route: 'a' });
          metrics.histogram({ ...sizes, bounds: [5] }, { route: 'a' });
        },
        /test_size_bytes is declared twice/,
      ],
      [
        'a metric that was declared as another kind',
        (metrics) => {
          metrics.gauge(held, () => 0);
          metrics.histogram({ ...held, bounds: [] }, {});
        },
        /test_held_now is declared twice/,
      ],
    ];
  for (const [what, declare, message] of wrong) {
    test(`${name}: ${what} is an error`, () => {
      const { metrics } = open();
      assert.throws(() => declare(metrics), message);
    });
  }
}
