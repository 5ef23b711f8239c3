/**
 * A declaration of a metric, made once as a constant.
 *
 * The values of labels come from closed sets: names in the configuration, codes, classes. A value must never come from a client, because
 * each combination is a series, which stays in memory and, on AWS, costs money.
 */
export interface Metric<Label extends string = string> {
  /** In Prometheus's style, with its base unit: `postern_request_duration_seconds`. A counter ends in `_total`. */
  readonly name: string;
  /** One sentence, which is part of the output. */
  readonly about: string;
  readonly labels: readonly Label[];
}

export interface HistogramMetric<Label extends string = string> extends Metric<Label> {
  /** The upper bounds of the buckets, from the lowest; infinity is added. */
  readonly bounds: readonly number[];
}

export type Labels<Label extends string = string> = Readonly<Record<Label, string>>;

/** A sum that only increases. */
export interface Counter {
  /** Adds 1, or `by`. Ignores a value that is not a number above 0. */
  add(by?: number): void;
}

/** The number of values, their sum, and their distribution. */
export interface Histogram {
  /** Adds one value. Ignores a value that is not a number from 0 up. */
  observe(value: number): void;
}

/**
 * Records measurements.
 *
 * A series is looked up once, when something is prepared, and then used for each request, which costs only an addition. The same metric
 * with the same labels is the same series for every caller, so that it survives the configuration that created it.
 *
 * @throws Error if a name is invalid, if it was declared differently before, or if a label is missing
 */
export interface Metrics {
  counter<Label extends string>(metric: Metric<Label>, labels: Labels<Label>): Counter;
  histogram<Label extends string>(metric: HistogramMetric<Label>, labels: Labels<Label>): Histogram;
  /** A value that goes up and down. `read` is called when the metrics are read. The last given function counts. */
  gauge(metric: Metric<never>, read: () => number): void;
}

/** Measures nothing: for tools that load a configuration but serve no requests. */
export const noMetrics: Metrics = Object.freeze({
  counter: () => ({ add() {} }),
  histogram: () => ({ observe() {} }),
  gauge() {},
});
