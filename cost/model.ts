import type { Power } from '../bench/lambda/power.ts';
import type { Assumptions } from './assumptions.ts';
import type { Deployment } from './deployment.ts';
import { sizeOf } from './measured.ts';
import { type Allowance, allowances, type Price, type PriceId, prices } from './prices.ts';

export interface Inputs {
  readonly assumptions: Assumptions;
  readonly deployment: Deployment;
  readonly power: Power;
}

/** How much of one priced thing a month uses. */
export interface Use {
  readonly what: string;
  /** Whether it grows with the requests, or costs the same without any. */
  readonly grows: boolean;
  readonly quantity: number;
  readonly price: PriceId;
}

export interface Line extends Use {
  /** At list price. */
  readonly usd: number;
  /** After AWS's free allowances, if nothing else in the account uses them. */
  readonly afterAllowancesUsd: number;
}

export interface Month {
  readonly lines: readonly Line[];
  readonly usd: number;
  readonly afterAllowancesUsd: number;
  /** The lines that grow with the requests, at list price. */
  readonly perMillionUsd: number;
}

const gigabyte = 1e9;

/** The month of the inputs, line by line. */
export function monthOf(inputs: Inputs): Month {
  const lines = priced([...functionUses(inputs), ...logUses(inputs), ...standingUses(inputs)]);
  const { requests } = inputs.assumptions;
  const growing = sum(lines.filter(({ grows }) => grows).map(({ usd }) => usd));
  return {
    lines,
    usd: sum(lines.map(({ usd }) => usd)),
    afterAllowancesUsd: sum(lines.map(({ afterAllowancesUsd }) => afterAllowancesUsd)),
    perMillionUsd: (growing / requests) * 1_000_000,
  };
}

/** Prices uses in their order; an allowance goes to the first use that needs it. */
export function priced(
  uses: readonly Use[],
  free: Readonly<Record<string, Allowance>> = allowances,
): readonly Line[] {
  const left = new Map(Object.entries(free).map(([id, { amount }]) => [id, amount]));
  return uses.map((use): Line => {
    const { usd, per }: Price = prices[use.price];
    const [id] = Object.entries(free).find(([, allowance]) => allowance.prices.includes(use.price)) ?? [''];
    const given = Math.min(left.get(id) ?? 0, use.quantity);
    left.set(id, (left.get(id) ?? 0) - given);
    return {
      ...use,
      usd: (use.quantity / per) * usd,
      afterAllowancesUsd: ((use.quantity - given) / per) * usd,
    };
  });
}

/** How often the authorizer is called: for each address once while a decision is remembered, but at most once for each request. */
export function authorizerAsked({ assumptions, deployment }: Inputs): number {
  const { requests, sources, hours } = assumptions;
  const { authorizerTtlSeconds } = deployment;
  if (authorizerTtlSeconds === 0) return requests;
  return Math.min(requests, ((hours * 3_600) / authorizerTtlSeconds) * sources);
}

/** The billed milliseconds of a warm request at a memory size: the measured time and the wait for the target. */
export function billedMs({ power, assumptions }: Omit<Inputs, 'deployment'>, memoryMb: number): number {
  return sizeOf(power, memoryMb).billedMs + assumptions.targetMs;
}

/** Dollars for Lambda, for a million requests at a memory size. */
export function lambdaUsdPerMillion(inputs: Inputs, memoryMb: number): number {
  const million = { ...inputs.assumptions, requests: 1_000_000 };
  const deployment = { ...inputs.deployment, forwarderMb: memoryMb };
  const lines = priced(forwarderUses({ ...inputs, assumptions: million, deployment }), {});
  return sum(lines.map(({ usd }) => usd));
}

function functionUses(inputs: Inputs): readonly Use[] {
  const { assumptions, deployment, power } = inputs;
  const { requests, coldShare, answerBytes } = assumptions;
  const asked = authorizerAsked(inputs);
  const { authorizer } = power;
  return [
    { ...growing, what: 'HTTP API, requests', quantity: requests, price: 'http-api-request' },
    ...forwarderUses(inputs),
    { ...growing, what: 'Authorizer, requests', quantity: asked, price: 'lambda-request' },
    {
      ...growing,
      what: 'Authorizer, duration with init',
      quantity:
        gbSeconds(deployment.authorizerMb, asked * authorizer.billedMs) +
        gbSeconds(
          deployment.authorizerMb,
          asked * coldShare * (authorizer.initMs + authorizer.firstMs - authorizer.billedMs),
        ),
      price: durationPrice(deployment),
    },
    {
      ...growing,
      what: 'Secrets Manager, calls at cold starts',
      quantity: requests * coldShare * deployment.secretsReadAtStart,
      price: 'secret-call',
    },
    {
      ...growing,
      what: 'Data out, to the target',
      quantity: (requests * power.forwarder.bytesToTarget) / gigabyte,
      price: 'transfer-out',
    },
    {
      ...growing,
      what: 'Data out, to the clients',
      quantity: (requests * answerBytes) / gigabyte,
      price: 'transfer-out',
    },
  ];
}

function forwarderUses({ assumptions, deployment, power }: Inputs): readonly Use[] {
  const { requests, coldShare } = assumptions;
  const { forwarderMb } = deployment;
  const size = sizeOf(power, forwarderMb);
  const cold = requests * coldShare;
  const duration = (what: string, ms: number): Use => ({
    ...{ ...growing, what: `Forwarder, ${what}`, price: durationPrice(deployment) },
    quantity: gbSeconds(forwarderMb, ms),
  });
  return [
    { ...growing, what: 'Forwarder, requests', quantity: requests, price: 'lambda-request' },
    duration('working (measured)', requests * size.billedMs),
    duration('waiting for the target', requests * assumptions.targetMs),
    duration('init of cold starts', cold * size.initMs),
    // A first request is slower than a warm one.
    duration('first requests, what they take longer', cold * Math.max(0, size.firstMs - size.billedMs)),
  ];
}

function logUses(inputs: Inputs): readonly Use[] {
  const { assumptions, deployment, power } = inputs;
  const { requests, coldShare, logEventBytes, initStartBytes } = assumptions;
  const ofLog = (invocations: number, log: Power['forwarder']['log']): number =>
    invocations * (log.bytesPerRequest + log.eventsPerRequest * logEventBytes) +
    invocations *
      coldShare *
      (log.bytesPerSandbox + log.eventsPerSandbox * logEventBytes + initStartBytes + logEventBytes);
  const functions =
    ofLog(requests, power.forwarder.log) + ofLog(authorizerAsked(inputs), power.authorizer.log);
  const access = requests * (deployment.accessLogBytes + logEventBytes);
  return [
    {
      ...{ ...growing, what: 'Logs of the functions, taken in', price: 'logs-ingest' },
      quantity: functions / gigabyte,
    },
    {
      ...{ ...growing, what: 'Access log, taken in', quantity: access / gigabyte },
      price: deployment.accessLogInfrequent ? 'logs-ingest-infrequent' : 'logs-ingest',
    },
    {
      ...{ ...growing, what: `Logs, kept ${deployment.retentionDays} days`, price: 'logs-store' },
      quantity: ((functions + access) / gigabyte) * (deployment.retentionDays / (assumptions.hours / 24)),
    },
  ];
}

function standingUses({ assumptions, deployment, power }: Inputs): readonly Use[] {
  const days = assumptions.hours / 24;
  const rotations = days / deployment.rotationDays;
  // A rotation is four steps, each an invocation.
  const runs = days + 4 * rotations;
  const metrics = new Set([...power.forwarder.log.metrics, ...power.authorizer.log.metrics]).size;
  return [
    { ...standing, what: 'Secrets', quantity: deployment.secrets, price: 'secret' },
    {
      ...{ ...standing, what: 'Rotation, calls of Secrets Manager', price: 'secret-call' },
      quantity: rotations * assumptions.rotationCalls + days * assumptions.checkCalls,
    },
    { ...standing, what: 'Rotation, requests', quantity: runs, price: 'lambda-request' },
    {
      ...{ ...standing, what: 'Rotation, duration', price: durationPrice(deployment) },
      quantity: gbSeconds(deployment.rotationMb, runs * assumptions.rotationMs),
    },
    {
      ...{ ...standing, what: 'Metrics in the functions’ log lines', price: 'metric' },
      quantity: metrics + deployment.rotationMetrics,
    },
    { ...standing, what: 'Metrics of the API a route', quantity: deployment.apiMetrics, price: 'metric' },
    { ...standing, what: 'Alarms', quantity: deployment.alarmMetrics, price: 'alarm-metric' },
    { ...standing, what: 'Dashboard', quantity: deployment.dashboards, price: 'dashboard' },
  ];
}

const growing = { grows: true } as const;
const standing = { grows: false } as const;

function durationPrice({ architecture }: Deployment): PriceId {
  return architecture === 'arm64' ? 'lambda-arm64' : 'lambda-x86_64';
}

function gbSeconds(memoryMb: number, ms: number): number {
  return (memoryMb / 1_024) * (ms / 1_000);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
