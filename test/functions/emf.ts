import assert from 'node:assert/strict';

/**
 * Checks a log line against the rules of the embedded metric format, and gives its metrics by name, each with its values.
 *
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function valuesOf(line: string): ReadonlyMap<string, readonly number[]> {
  assert.ok(Buffer.byteLength(line) <= 1024 * 1024, 'a log event has at most 1 MB');
  assert.equal(line.indexOf('\n'), line.length - 1, 'one line');
  const root = JSON.parse(line) as Record<string, unknown>;
  const metadata = root._aws as { Timestamp: unknown; CloudWatchMetrics: readonly Record<string, unknown>[] };
  assert.deepEqual(Object.keys(metadata).sort(), ['CloudWatchMetrics', 'Timestamp']);
  assert.ok(
    Number.isInteger(metadata.Timestamp) && Number(metadata.Timestamp) > 1e12,
    'milliseconds since the epoch',
  );
  const found = new Map<string, readonly number[]>();
  for (const directive of metadata.CloudWatchMetrics) {
    assert.deepEqual(Object.keys(directive).sort(), ['Dimensions', 'Metrics', 'Namespace']);
    assert.match(String(directive.Namespace), /^[\x21-\x7e]{1,256}$/);
    checkDimensions(directive.Dimensions as readonly (readonly string[])[], root);
    const metrics = directive.Metrics as readonly { Name: string; Unit: string }[];
    assert.ok(metrics.length >= 1 && metrics.length <= 100, 'at most 100 metrics a directive');
    for (const { Name, Unit } of metrics) {
      assert.ok(Name.length >= 1 && Name.length <= 1024);
      assert.ok(['Count', 'Milliseconds', 'None'].includes(Unit), Unit);
      const values = [root[Name]].flat();
      assert.ok(values.length >= 1 && values.length <= 100, 'at most 100 values a metric');
      for (const value of values) assert.equal(typeof value, 'number', `${Name} is a member of the line`);
      found.set(Name, values as number[]);
    }
  }
  return found;
}

/** Those of a line in which each metric has one value. */
export function metricsOf(line: string): ReadonlyMap<string, number> {
  return new Map(
    [...valuesOf(line)].map(([name, [value, ...more]]) => {
      assert.deepEqual(more, [], name);
      return [name, value as number];
    }),
  );
}

function checkDimensions(sets: readonly (readonly string[])[], root: Record<string, unknown>): void {
  assert.ok(sets.length >= 1);
  for (const set of sets) {
    assert.ok(set.length <= 30, 'at most 30 dimensions a set');
    for (const name of set) {
      const value = root[name];
      assert.ok(
        typeof value === 'string' && value.length >= 1 && value.length <= 1024,
        `${name} is a text of the line`,
      );
    }
  }
}
