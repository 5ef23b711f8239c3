import assert from 'node:assert/strict';

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ParsedMetric {
  readonly type: string;
  readonly samples: readonly Sample[];
}

const number = String.raw`[+-]?(?:[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?|Inf)|NaN`;
const label = String.raw`([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"`;
const header = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/;
const sample = new RegExp(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\\{(${label}(?:,${label})*)\\})? (${number})$`);

/**
 * Reads Prometheus's text format strictly, in the place of promtool: HELP, TYPE and the samples of a metric stand together, no sample
 * stands twice, names end as their types ask, and buckets are cumulative up to `+Inf`, which is the count.
 *
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
export function parseMetrics(text: string): ReadonlyMap<string, ParsedMetric> {
  const metrics = new Map<string, { readonly type: string; readonly samples: Sample[] }>();
  assert.ok(text === '' || text.endsWith('\n'), 'the last line ends too');
  let helped = '';
  let current = '';
  for (const line of text.split('\n').slice(0, -1)) {
    const [, kind, named = '', rest = ''] = header.exec(line) ?? [];
    if (kind === 'HELP') {
      assert.match(rest, /^(?:[^\\]|\\\\|\\n)*$/, line);
      assert.ok(!metrics.has(named), `${named} stands twice`);
      helped = named;
    } else if (kind === 'TYPE') {
      assert.equal(named, helped, 'TYPE follows HELP');
      assert.match(rest, /^(?:counter|gauge|histogram)$/);
      assert.equal(named.endsWith('_total'), rest === 'counter', named);
      current = named;
      metrics.set(named, { type: rest, samples: [] });
    } else metrics.get(current)?.samples.push(parseSample(line, current, metrics.get(current)?.type));
  }
  for (const { type, samples } of metrics.values()) {
    const keys = samples.map(({ name, labels }) => JSON.stringify([name, Object.entries(labels).sort()]));
    assert.equal(new Set(keys).size, keys.length, 'no sample stands twice');
    if (type === 'histogram') checkHistogram(samples);
  }
  return metrics;
}

/** The value of the one sample with exactly these labels. */
export function sampleOf(
  metrics: ReadonlyMap<string, ParsedMetric>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const wanted = JSON.stringify(Object.entries(labels).sort());
  const found = [...metrics.values()]
    .flatMap(({ samples }) => samples)
    .filter((one) => one.name === name && JSON.stringify(Object.entries(one.labels).sort()) === wanted);
  assert.equal(found.length, 1, `${name} ${wanted}`);
  return (found[0] as Sample).value;
}

function parseSample(line: string, metric: string, type: string | undefined): Sample {
  const parts = sample.exec(line);
  assert.ok(parts !== null, `not a sample: ${line}`);
  const [, name = '', list = ''] = parts;
  const suffixes = type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
  assert.ok(
    suffixes.some((suffix) => name === `${metric}${suffix}`),
    `${name} stands below ${metric}`,
  );
  const pairs = [...list.matchAll(new RegExp(label, 'g'))].map(([, key = '', value = '']) => [
    key,
    value.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped)),
  ]);
  assert.equal(new Set(pairs.map(([key]) => key)).size, pairs.length, `a label stands twice: ${line}`);
  return { name, labels: Object.fromEntries(pairs), value: numeral(parts.at(-1) as string) };
}

function numeral(text: string): number {
  return text.endsWith('Inf') ? (text.startsWith('-') ? -Infinity : Infinity) : Number(text);
}

function checkHistogram(samples: readonly Sample[]): void {
  const series = Map.groupBy(samples, ({ labels: { le, ...own } }) => JSON.stringify(own));
  for (const one of series.values()) {
    const buckets = one.filter(({ name }) => name.endsWith('_bucket'));
    const bounds = buckets.map(({ labels }) => numeral(labels.le as string));
    assert.deepEqual(
      bounds,
      bounds.toSorted((a, b) => a - b),
    );
    assert.equal(bounds.at(-1), Number.POSITIVE_INFINITY);
    const counts = buckets.map(({ value }) => value);
    assert.deepEqual(
      counts,
      counts.toSorted((a, b) => a - b),
      'buckets are cumulative',
    );
    const others = one.filter(({ name }) => !name.endsWith('_bucket')).map(({ name }) => name);
    assert.equal(others.length, 2, `one sum and one count: ${others}`);
    assert.equal(one.find(({ name }) => name.endsWith('_count'))?.value, counts.at(-1));
  }
}
