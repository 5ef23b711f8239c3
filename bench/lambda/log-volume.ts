/** What a sandbox writes to CloudWatch Logs, and which metrics are in it. */
export interface LogVolume {
  /** Of one warm request, in bytes of UTF-8: the function's lines, and those that the platform writes around them. */
  readonly bytesPerRequest: number;
  readonly eventsPerRequest: number;
  /** The part of these bytes that is only for metrics. */
  readonly metricBytesPerRequest: number;
  /** Once for each sandbox: the lines of its start and of its end. */
  readonly bytesPerSandbox: number;
  readonly eventsPerSandbox: number;
  /** Each metric that the lines define in CloudWatch's embedded format: namespace, name and the values of its dimensions. */
  readonly metrics: readonly string[];
}

/** The emulator's own lines, which Lambda does not write. */
const ofEmulator = /\[(?:INFO|WARNING|ERROR|DEBUG)\] \(rapid\) /;

/**
 * Reads the log of a sandbox that has ended, after one cold request and some warm ones.
 *
 * The first request counts to the sandbox with all that was logged before it ended.
 *
 * @throws Error when there is no warm request
 */
export function readLogVolume(lines: readonly string[]): LogVolume {
  const request = { bytes: 0, events: 0, metricBytes: 0 };
  const sandbox = { bytes: 0, events: 0, metricBytes: 0 };
  let ended = 0;
  let isWithin = false;
  for (const line of lines) {
    if (line === '' || ofEmulator.test(line)) continue;
    if (line.startsWith('START RequestId: ')) isWithin = true;
    const count = isWithin && ended > 0 ? request : sandbox;
    count.bytes += Buffer.byteLength(line);
    count.events += 1;
    count.metricBytes += metricBytesOf(line);
    if (line.startsWith('REPORT RequestId: ')) {
      isWithin = false;
      ended += 1;
    }
  }
  const warm = ended - 1;
  if (warm < 1)
    throw new Error(`the log has ${ended} requests; at least two are needed, of which one is warm`);
  return {
    bytesPerRequest: request.bytes / warm,
    eventsPerRequest: request.events / warm,
    metricBytesPerRequest: request.metricBytes / warm,
    // What the first request has in common with all others is counted as a request.
    bytesPerSandbox: Math.max(0, sandbox.bytes - request.bytes / warm),
    eventsPerSandbox: Math.max(0, sandbox.events - request.events / warm),
    metrics: metricsIn(lines),
  };
}

interface Directive {
  readonly Namespace: string;
  readonly Dimensions: readonly (readonly string[])[];
  readonly Metrics: readonly { readonly Name: string }[];
}

interface MetricLine {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly directives: readonly Directive[];
}

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html */
function readMetricLine(line: string): MetricLine | undefined {
  if (!line.startsWith('{') || !line.includes('"_aws"')) return undefined;
  const fields = JSON.parse(line) as Record<string, unknown>;
  const { CloudWatchMetrics } = fields._aws as { CloudWatchMetrics?: readonly Directive[] };
  return { fields, directives: CloudWatchMetrics ?? [] };
}

export function metricsIn(lines: readonly string[]): readonly string[] {
  const found = new Set<string>();
  for (const { fields, directives } of lines.map(readMetricLine).filter((line) => line !== undefined)) {
    for (const { Namespace, Dimensions, Metrics } of directives) {
      for (const { Name } of Metrics) {
        for (const names of Dimensions) {
          const values = names.map((name) => `${name}=${String(fields[name])}`).toSorted();
          found.add(`${Namespace} ${Name} ${values.join(' ')}`.trimEnd());
        }
      }
    }
  }
  return [...found].toSorted();
}

/** How much shorter a line would be without its directives, its metrics and their dimensions. */
function metricBytesOf(line: string): number {
  const read = readMetricLine(line);
  if (read === undefined) return 0;
  const names = new Set([
    '_aws',
    ...read.directives.flatMap(({ Dimensions, Metrics }) => [
      ...Dimensions.flat(),
      ...Metrics.map(({ Name }) => Name),
    ]),
  ]);
  const others = Object.fromEntries(Object.entries(read.fields).filter(([name]) => !names.has(name)));
  return Buffer.byteLength(line) - Buffer.byteLength(JSON.stringify(others));
}
