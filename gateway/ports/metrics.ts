/**
 * What is measured, declared once as a constant.
 *
 * The values of labels come from closed sets: names of the configuration, codes, classes. Nothing that a client sends may become one,
 * because each combination is a series, which stays in memory and, on AWS, has a price.
 */
export interface Metric<Label extends string = string> {
  /** As Prometheus names it, with its base unit: `postern_request_duration_seconds`. A counter ends in `_total`. */
  readonly name: string;
  /** One sentence: it is part of the output. */
  readonly about: string;
  readonly labels: readonly Label[];
}

export interface HistogramMetric<Label extends string = string> extends Metric<Label> {
  /** The upper bounds of the buckets, from the lowest; infinity is added. */
  readonly bounds: readonly number[];
}

export type Labels<Label extends string = string> = Readonly<Record<Label, string>>;

/** A sum that only grows. */
export interface Counter {
  /** Adds one, or that much. What is not a number above 0 is left out. */
  add(by?: number): void;
}

/** How many values there were, their sum, and how they are spread. */
export interface Histogram {
  /** Takes one value. What is not a number from 0 up is left out. */
  observe(value: number): void;
}

/**
 * Measures what happens.
 *
 * A series is asked for once, when something is prepared, and then used for each request: that costs an addition, and no look-up. The
 * same metric with the same labels is the same series for every caller, so that it survives the configuration that asked first.
 *
 * @throws Error if a name is not valid, if it was declared otherwise before, or if a label is missing
 */
export interface Metrics {
  counter<Label extends string>(metric: Metric<Label>, labels: Labels<Label>): Counter;
  histogram<Label extends string>(metric: HistogramMetric<Label>, labels: Labels<Label>): Histogram;
  /** A value that goes up and down: `read` is called when somebody wants to know it. The last one given counts. */
  gauge(metric: Metric<never>, read: () => number): void;
}

/** Measures nothing: for what loads a configuration and serves no requests. */
export const noMetrics: Metrics = Object.freeze({
  counter: () => ({ add() {} }),
  histogram: () => ({ observe() {} }),
  gauge() {},
});
