import type { LogVolume } from '../../bench/lambda/log-volume.ts';
import type { Power, SizePower } from '../../bench/lambda/power.ts';
import { type Assumptions, assumptions } from '../../cost/assumptions.ts';
import type { Deployment } from '../../cost/deployment.ts';
import type { Inputs } from '../../cost/model.ts';

// Inputs with round figures, so that what comes of them can be reckoned by hand.

const log: LogVolume = {
  ...{ bytesPerRequest: 474, eventsPerRequest: 1, bytesPerSandbox: 0, eventsPerSandbox: 0 },
  metricBytesPerRequest: 100,
  metrics: ['Postern Requests FunctionName=f', 'Postern Errors FunctionName=f'],
};

function size(memoryMb: number, billedMs: number): SizePower {
  return {
    ...{ memoryMb, cpus: memoryMb / 1_769, billedMs, p50Ms: billedMs, p99Ms: billedMs },
    ...{ initMs: 200, firstMs: billedMs + 100, limitedInitMs: 2_000 },
  };
}

export const power: Power = {
  sizes: [size(128, 80), size(256, 40), size(512, 20), size(1_024, 10)],
  authorizer: { memoryMb: 256, initMs: 40, firstMs: 20, billedMs: 10, log: { ...log, metrics: [] } },
  forwarder: { log, bytesToTarget: 2_000 },
  fits: [
    {
      memoryMb: 128,
      smallRequests: 60,
      largeBodies: 4,
      failed: 3,
      killed: 3,
      residentMb: 160,
      anonymousMb: 90,
    },
    {
      memoryMb: 256,
      smallRequests: 60,
      largeBodies: 4,
      failed: 0,
      killed: 0,
      residentMb: 165,
      anonymousMb: 95,
    },
  ],
  ...{ machineLoad: [0, 1], notAtRest: '0 of 1' },
};

export const deployment: Deployment = {
  ...{ architecture: 'arm64', forwarderMb: 256, authorizerMb: 256, rotationMb: 256, rotationDays: 60 },
  ...{ authorizerTtlSeconds: 300, retentionDays: 90, secrets: 3, secretsReadAtStart: 2, rotationMetrics: 1 },
  ...{ apiMetrics: 6, alarmMetrics: 12, dashboards: 1, accessLogBytes: 374 },
  accessLogInfrequent: false,
};

export const exact: Assumptions = {
  ...assumptions,
  ...{ requests: 1_000_000, targetMs: 60, coldShare: 0.01, sources: 10, hours: 720 },
  ...{ answerBytes: 1_000, logEventBytes: 26, initStartBytes: 0, rotationCalls: 40, checkCalls: 3 },
  rotationMs: 1_000,
};

export const inputs: Inputs = { assumptions: exact, deployment, power };
