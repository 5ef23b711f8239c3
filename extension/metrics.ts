import { type Measured, meteredLog } from '../base/aws/emf.ts';
import { systemClock } from '../base/clock.ts';
import type { Log, LogFields } from '../base/log.ts';

const measures: Readonly<Record<string, (fields: LogFields) => Measured>> = {
  'tunnel ready': ({ tookMs }) => ({
    metric: { name: 'TunnelReadyMs', unit: 'Milliseconds' },
    value: Number(tookMs),
  }),
  'tunnel not ready': ({ code }) => ({
    metric: { name: 'TunnelNotReady', unit: 'Count' },
    value: 1,
    code: String(code),
  }),
};

/** Makes a log that measures how long the tunnel took to be ready, and counts failures by their cause. */
export function tunnelMetrics(log: Log, functionName: string): Log {
  return meteredLog(log, { functionName, clock: systemClock }, measures);
}
