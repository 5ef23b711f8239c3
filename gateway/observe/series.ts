import type { Labels, Metric } from '../ports/metrics.ts';

export type MetricKind = 'counter' | 'histogram' | 'gauge';

/** A metric and its series, by the values of their labels. */
export interface Family<Series> {
  readonly kind: MetricKind;
  readonly metric: Metric;
  readonly series: Map<string, { readonly labels: Labels; readonly series: Series }>;
}

/** More series of one metric than any sensible configuration needs; further ones are counted together. */
const mostSeries = 10_000;
/** The value of every label in the series that counts the rest. */
const overflow = 'other';

/** The metrics of a host. Each metric and each of its series exists once. Every implementation of Metrics keeps its series here. */
export class SeriesTable<Series> {
  readonly #families = new Map<string, Family<Series>>();

  /** In order of declaration. */
  families(): Iterable<Family<Series>> {
    return this.#families.values();
  }

  /**
   * Returns the series of a metric with these labels, and creates it if necessary.
   *
   * @throws Error if the metric or a label is invalid, or if the name was declared differently before
   */
  get<Own extends Series>(
    kind: MetricKind,
    metric: Metric,
    labels: Labels,
    create: (labels: Labels) => Own,
  ): Own {
    const { series } = this.#declare(kind, metric);
    const values = valuesOf(metric, labels);
    const known = series.get(keyOf(values));
    if (known !== undefined) return known.series as Own;
    const kept = series.size < mostSeries ? values : values.map(() => overflow);
    const key = keyOf(kept);
    const before = series.get(key);
    if (before !== undefined) return before.series as Own;
    const named = Object.fromEntries(metric.labels.map((label, at) => [label, kept[at] as string]));
    const made = create(named);
    series.set(key, { labels: named, series: made });
    return made;
  }

  #declare(kind: MetricKind, metric: Metric): Family<Series> {
    const known = this.#families.get(metric.name);
    if (known === undefined) {
      checkMetric(kind, metric);
      const family: Family<Series> = { kind, metric, series: new Map() };
      this.#families.set(metric.name, family);
      return family;
    }
    if (known.kind !== kind || formOf(known.metric) !== formOf(metric))
      throw new Error(
        `the metric ${metric.name} is declared twice with different properties; give each its own name`,
      );
    return known;
  }
}

function keyOf(values: readonly string[]): string {
  return JSON.stringify(values);
}

function formOf({ labels, bounds }: Metric & { readonly bounds?: readonly number[] }): string {
  return JSON.stringify([labels, bounds]);
}

function valuesOf({ name, labels: wanted }: Metric, labels: Labels): readonly string[] {
  const given = Object.keys(labels);
  if (given.length !== wanted.length || wanted.some((label) => typeof labels[label] !== 'string'))
    throw new Error(`the metric ${name} has the labels ${list(wanted)}; got ${list(given)}`);
  return wanted.map((label) => labels[label] as string);
}

/** Source: https://prometheus.io/docs/concepts/data_model/ and https://prometheus.io/docs/practices/naming/ */
function checkMetric(kind: MetricKind, { name, labels, ...rest }: Metric): void {
  if (!/^[a-z][a-z0-9_]*$/.test(name) || name.endsWith('_total') !== (kind === 'counter'))
    throw new Error(
      `the metric ${name} has no valid name: lower case and _, and _total at the end of a counter alone`,
    );
  for (const label of labels) {
    if (!/^[a-z][a-z0-9_]*$/.test(label) || label === 'le')
      throw new Error(`the label ${label} of ${name} has no valid name: lower case and _, and not le`);
  }
  const { bounds = [] } = rest as { readonly bounds?: readonly number[] };
  if (
    bounds.some(
      (bound, at) => !Number.isFinite(bound) || bound <= (bounds[at - 1] ?? Number.NEGATIVE_INFINITY),
    )
  )
    throw new Error(`the bounds of ${name} are not in ascending order: ${list(bounds)}`);
}

function list(items: readonly unknown[]): string {
  return items.length === 0 ? '(none)' : items.join(', ');
}
