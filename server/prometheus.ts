import {
  type Counter,
  type Histogram,
  type HistogramMetric,
  type Labels,
  type Metric,
  type Metrics,
  SeriesTable,
} from '../gateway/index.ts';

/** The media type of `text()`. */
export const prometheusType = 'text/plain; version=0.0.4; charset=utf-8';

/** A series that can print its current values. */
interface Shown {
  /** The lines of the series; `labels` is empty, or `name="value",…` without braces. */
  lines(name: string, labels: string): string;
}

/**
 * Keeps measurements in memory, and returns them in Prometheus's text format.
 *
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
export class PrometheusMetrics implements Metrics {
  readonly #table = new SeriesTable<Shown>();

  counter<Label extends string>(metric: Metric<Label>, labels: Labels<Label>): Counter {
    return this.#table.get('counter', metric, labels, () => new CounterSeries());
  }

  histogram<Label extends string>(metric: HistogramMetric<Label>, labels: Labels<Label>): Histogram {
    return this.#table.get('histogram', metric, labels, () => new HistogramSeries(metric.bounds));
  }

  gauge(metric: Metric<never>, read: () => number): void {
    this.#table.get('gauge', metric, {}, () => new GaugeSeries()).read = read;
  }

  /** All current values. */
  text(): string {
    let text = '';
    for (const { kind, metric, series } of this.#table.families()) {
      const { name, about } = metric;
      text += `# HELP ${name} ${escapedHelp(about)}\n# TYPE ${name} ${kind}\n`;
      for (const { labels, series: one } of series.values()) text += one.lines(name, written(labels));
    }
    return text;
  }
}

class CounterSeries implements Counter, Shown {
  #sum = 0;

  add(by = 1): void {
    if (by > 0 && by < Number.POSITIVE_INFINITY) this.#sum += by;
  }

  lines(name: string, labels: string): string {
    return line(name, labels, this.#sum);
  }
}

class HistogramSeries implements Histogram, Shown {
  readonly #bounds: readonly number[];
  /** The number of values in each bucket; the last bucket has no bound. */
  readonly #counts: number[];
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  observe(value: number): void {
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) return;
    const bounds = this.#bounds;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] as number)) at += 1;
    this.#counts[at] = (this.#counts[at] as number) + 1;
    this.#sum += value;
  }

  lines(name: string, labels: string): string {
    let text = '';
    let count = 0;
    for (const [at, own] of this.#counts.entries()) {
      count += own;
      const bound = `le="${numeral(this.#bounds[at] ?? Number.POSITIVE_INFINITY)}"`;
      text += line(`${name}_bucket`, labels === '' ? bound : `${labels},${bound}`, count);
    }
    return `${text}${line(`${name}_sum`, labels, this.#sum)}${line(`${name}_count`, labels, count)}`;
  }
}

class GaugeSeries implements Shown {
  read: () => number = () => Number.NaN;

  lines(name: string, labels: string): string {
    return line(name, labels, this.read());
  }
}

function line(name: string, labels: string, value: number): string {
  return `${name}${labels === '' ? '' : `{${labels}}`} ${numeral(value)}\n`;
}

function numeral(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}

function written(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapedValue(value)}"`)
    .join(',');
}

function escapedHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function escapedValue(text: string): string {
  return escapedHelp(text).replaceAll('"', '\\"');
}
