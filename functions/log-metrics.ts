import { directive, type MetricName } from '../base/aws/emf.ts';
import {
  type Counter,
  type Histogram,
  type HistogramMetric,
  type Labels,
  type Metric,
  type Metrics,
  requestMetrics,
  SeriesTable,
} from '../gateway/index.ts';

/** A metric in CloudWatch for a metric of the gateway. */
interface Written extends MetricName {
  /** Also kept by `Code`. */
  readonly byCode?: true;
  /** Whether it counts for these labels; if not, 0 is written. Default: always. */
  readonly counts?: (labels: Labels) => boolean;
  /** Default: the value is not converted. */
  readonly convert?: (value: number) => number;
}

/** To microseconds. */
const milliseconds = (seconds: number) => Math.round(seconds * 1e6) / 1e3;

/**
 * Metrics with their own names and parts in CloudWatch, which has no labels that could be added up, and where each combination of
 * dimensions costs money. Other metrics are written under their own name, for all labels together.
 */
const written = new Map<string, (labels: Labels) => readonly Written[]>([
  [
    requestMetrics.requests.name,
    () => [
      { name: 'Requests', unit: 'Count' },
      {
        name: 'Refusals',
        unit: 'Count',
        byCode: true,
        // A plugin may also answer a challenge with 200, which is not a refusal.
        counts: ({ status, code }) => status === '4xx' && code !== '',
      },
      { name: 'Errors', unit: 'Count', byCode: true, counts: ({ status }) => status === '5xx' },
    ],
  ],
  [requestMetrics.duration.name, () => [{ name: 'RequestMs', unit: 'Milliseconds', convert: milliseconds }]],
  [
    requestMetrics.plugin.name,
    ({ plugin }) => [{ name: `PluginMs.${plugin}`, unit: 'Milliseconds', convert: milliseconds }],
  ],
]);

/** The most values of a metric in one line. */
const mostValues = 100;

/** The values of one name in a line. */
class Member {
  readonly part: Written;
  readonly key: string;
  /** Whether it is part of the next line. */
  touched = false;
  sum = 0;
  readonly values: number[] = [];

  constructor(part: Written) {
    this.part = part;
    this.key = JSON.stringify(part.name);
  }

  /** As JSON text. Values that do not fit into the line are kept for the next one. */
  take(): string {
    const { sum } = this;
    const values = this.values.splice(0, mostValues);
    this.sum = 0;
    this.touched = this.values.length > 0;
    if (values.length === 0) return String(sum);
    return values.length === 1 ? String(values[0]) : JSON.stringify(values);
  }
}

/**
 * Keeps measurements until the next line of the log, and writes them there in CloudWatch's embedded metric format.
 *
 * A function handles one request at a time, and each has a line, so a line has the measurements since the previous one, and one `Code`.
 */
export class LogMetrics implements Metrics {
  readonly #functionName: string;
  readonly #now: () => number;
  readonly #table = new SeriesTable<object>();
  readonly #members = new Map<string, Member>();
  readonly #gauges = new Map<Member, () => number>();
  /** The members of the next line, in order of arrival. */
  readonly #touched: Member[] = [];
  /** The parts that do not depend on values, by the members of a line. There are few combinations. */
  readonly #heads = new Map<string, string>();
  #code = '';

  /** @param now milliseconds since the epoch */
  constructor(functionName: string, now: () => number) {
    this.#functionName = JSON.stringify(functionName);
    this.#now = now;
  }

  counter<Label extends string>(metric: Metric<Label>, given: Labels<Label>): Counter {
    return this.#table.get('counter', metric, given, (labels) => {
      const parts = this.#written(metric, labels, 'Count').map(({ member, counts }) => ({
        member,
        factor: counts?.(labels) === false ? 0 : 1,
      }));
      const { code = '' } = labels;
      return {
        add: (by = 1) => {
          if (!(by > 0 && by < Number.POSITIVE_INFINITY)) return;
          for (const { member, factor } of parts) this.#touch(member).sum += by * factor;
          if (code !== '') this.#code = code;
        },
      };
    });
  }

  histogram<Label extends string>(metric: HistogramMetric<Label>, given: Labels<Label>): Histogram {
    return this.#table.get('histogram', metric, given, (labels) => {
      const parts = this.#written(metric, labels, 'None');
      return {
        observe: (value) => {
          if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) return;
          for (const { member, convert } of parts)
            this.#touch(member).values.push(convert === undefined ? value : convert(value));
        },
      };
    });
  }

  gauge(metric: Metric<never>, read: () => number): void {
    this.#table.get('gauge', metric, {}, () => ({}));
    for (const { member } of this.#written(metric, {}, 'None')) this.#gauges.set(member, read);
  }

  /** The members that make a log line a metric too, as JSON text that begins with a comma; empty if nothing was measured. */
  takeMembers(): string {
    for (const [member, read] of this.#gauges) {
      const value = read();
      // JSON cannot represent the others.
      if (Number.isFinite(value)) this.#touch(member).values.push(value);
    }
    if (this.#touched.length === 0) return '';
    let kind = this.#code === '' ? '' : 'code';
    for (const { key } of this.#touched) kind += key;
    let text = `${this.#headOf(kind)}${this.#now()}},"FunctionName":${this.#functionName}`;
    if (this.#code !== '') text += `,"Code":${JSON.stringify(this.#code)}`;
    let left = 0;
    for (const member of this.#touched) {
      text += `,${member.key}:${member.take()}`;
      if (member.touched) this.#touched[left++] = member;
    }
    this.#touched.length = left;
    this.#code = '';
    return text;
  }

  #written(metric: Metric, labels: Labels, unit: MetricName['unit']) {
    const parts = written.get(metric.name)?.(labels) ?? [{ name: metric.name, unit }];
    return parts.map((part) => {
      const member = this.#members.get(part.name) ?? new Member(part);
      this.#members.set(part.name, member);
      return { ...part, member };
    });
  }

  #touch(member: Member): Member {
    if (!member.touched) {
      member.touched = true;
      this.#touched.push(member);
    }
    return member;
  }

  #headOf(kind: string): string {
    const known = this.#heads.get(kind);
    if (known !== undefined) return known;
    const names = (members: readonly Member[]) => members.map(({ part: { name, unit } }) => ({ name, unit }));
    const directives = [directive([['FunctionName']], names(this.#touched))];
    const byCode = this.#touched.filter(({ part }) => part.byCode === true);
    if (this.#code !== '' && byCode.length > 0)
      directives.push(directive([['FunctionName', 'Code']], names(byCode)));
    const head = `,"_aws":{"CloudWatchMetrics":${JSON.stringify(directives)},"Timestamp":`;
    this.#heads.set(kind, head);
    return head;
  }
}
