import type { LogVolume } from '../bench/lambda/log-volume.ts';
import { type Inputs, monthOf } from './model.ts';

/** One thing changed, and what the month then costs. */
export interface Change {
  readonly what: string;
  readonly usd: number;
  readonly afterAllowancesUsd: number;
}

/** Everything off except the logs. */
export const leastOfAll =
  'The least that still logs: without all these, the secret in Parameter Store, logs for a week, the access log for infrequent access';

type Deployment = Inputs['deployment'];

/** What changes the bill, and by how much: one change at a time, compared with the inputs. */
export function changesOf(inputs: Inputs): readonly Change[] {
  const { deployment, assumptions, power } = inputs;
  const deployed = (what: string, change: Partial<Deployment>): readonly [string, Inputs] => [
    what,
    { ...inputs, deployment: { ...deployment, ...change } },
  ];
  const assumed = (what: string, change: Partial<Inputs['assumptions']>): readonly [string, Inputs] => [
    what,
    { ...inputs, assumptions: { ...assumptions, ...change } },
  ];
  const sizes = power.sizes
    .map(({ memoryMb }) => memoryMb)
    .filter((memoryMb) => memoryMb > deployment.forwarderMb);
  const variants: readonly (readonly [string, Inputs])[] = [
    ...sizes.map((forwarderMb) => deployed(`Forwarder with ${forwarderMb} MB`, { forwarderMb })),
    deployed('x86_64 instead of arm64, equally fast', { architecture: 'x86_64' }),
    deployed('No dashboard', { dashboards: 0 }),
    ['No metrics, alarms and dashboard', withoutMetrics(inputs)],
    [leastOfAll, least(inputs)],
    deployed("The configuration's secret in Parameter Store (`ssm:`), which is free", {
      secrets: deployment.secrets - 1,
      secretsReadAtStart: deployment.secretsReadAtStart - 1,
    }),
    deployed('Logs kept for a week', { retentionDays: 7 }),
    deployed('The access log in the class for infrequent access', { accessLogInfrequent: true }),
    deployed('The authorizer asked for every request', { authorizerTtlSeconds: 0 }),
    assumed('The target answers after 200 ms', { targetMs: 200 }),
    assumed('The target answers at once', { targetMs: 0 }),
    assumed('Ten times as many cold starts', { coldShare: assumptions.coldShare * 10 }),
    assumed('100 addresses in any five minutes', { sources: 100 }),
    assumed('10 M requests', { requests: 10_000_000 }),
    assumed('100,000 requests', { requests: 100_000 }),
  ];
  return variants.map(([what, changed]) => {
    const { usd, afterAllowancesUsd } = monthOf(changed);
    return { what, usd, afterAllowancesUsd };
  });
}

/** Without their bytes in the log lines too. */
function withoutMetrics({ assumptions, deployment, power }: Inputs): Inputs {
  const without = (log: LogVolume): LogVolume => ({
    ...log,
    ...{ metrics: [], bytesPerRequest: log.bytesPerRequest - log.metricBytesPerRequest },
  });
  return {
    assumptions,
    deployment: { ...deployment, rotationMetrics: 0, apiMetrics: 0, alarmMetrics: 0, dashboards: 0 },
    power: {
      ...power,
      authorizer: { ...power.authorizer, log: without(power.authorizer.log) },
      forwarder: { ...power.forwarder, log: without(power.forwarder.log) },
    },
  };
}

function least(inputs: Inputs): Inputs {
  const { assumptions, deployment, power } = withoutMetrics(inputs);
  const { secrets, secretsReadAtStart } = deployment;
  return {
    ...{ assumptions, power },
    deployment: {
      ...deployment,
      ...{ secrets: secrets - 1, secretsReadAtStart: secretsReadAtStart - 1, retentionDays: 7 },
      accessLogInfrequent: true,
    },
  };
}
