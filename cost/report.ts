import { assumptions } from './assumptions.ts';
import { type Change, changesOf, leastOfAll } from './changes.ts';
import { curveOf, type Point } from './curve.ts';
import { demoOf, deploymentOf } from './deployment.ts';
import { demoLines, edgeLines } from './extras.ts';
import { hasRoom, type Measured } from './measured.ts';
import { authorizerAsked, type Inputs, type Line, type Month, monthOf } from './model.ts';
import { drawCurve } from './svg.ts';
import { asText, changesTable, curveTable, extrasTable, money, monthTable } from './tables.ts';
import type { Templates } from './template.ts';

/** For a million requests a month, with the demo destroyed. */
const goalUsd = 3;

/** Everything that is printed and written into the page. */
export interface Report {
  readonly verdict: readonly string[];
  readonly measured: readonly string[];
  readonly month: Month;
  readonly curve: readonly Point[];
  readonly changes: readonly Change[];
  readonly demo: readonly Line[];
  readonly edge: readonly Line[];
  /** The curve as SVG. */
  readonly picture: string;
}

export function reportOf(measured: Measured, templates: Templates): Report {
  const inputs: Inputs = { assumptions, deployment: deploymentOf(templates), power: measured };
  const month = monthOf(inputs);
  const curve = curveOf(inputs);
  const changes = changesOf(inputs);
  return {
    verdict: verdictOf(month, changes),
    measured: measuredLines(measured, inputs),
    month,
    curve,
    changes,
    demo: demoLines(demoOf(templates), assumptions),
    edge: edgeLines(assumptions),
    picture: drawCurve(curve, describe(measured, inputs)),
  };
}

/** For a terminal. */
export function textOf(report: Report): string {
  const heading = (words: string): string => `\n${words}\n`;
  return [
    ...report.verdict,
    heading('What it costs, us-east-1, US dollars without tax'),
    asText(monthTable(report.month)),
    heading('Against memory'),
    asText(curveTable(report.curve)),
    ...report.measured,
    heading('What changes it, one change at a time'),
    asText(changesTable(report.month, report.changes)),
    heading('Apart: the demo, while it lives'),
    asText(extrasTable(report.demo, assumptions.hours)),
    heading('Apart: CloudFront and AWS WAF in front'),
    asText(extrasTable(report.edge, assumptions.hours)),
    '\nAssumptions, prices with their sources and dates: docs/cost.md',
    '',
  ].join('\n');
}

function verdictOf(
  { usd, afterAllowancesUsd, perMillionUsd }: Month,
  changes: readonly Change[],
): readonly string[] {
  const least = changes.find(({ what }) => what === leastOfAll)?.usd ?? Number.NaN;
  return [
    `- At list price a month of 1 M requests costs $${money(usd)}: ${against(usd)}.`,
    `- Of that, what grows with the requests is $${money(perMillionUsd)} a million, and what is due without any is $${money(usd - perMillionUsd)}.`,
    `- After AWS's free allowances, if nothing else in the account uses them, it costs $${money(afterAllowancesUsd)}: ${against(afterAllowancesUsd)}.`,
    `- At list price the least that still logs, without metrics, alarms and a dashboard, costs $${money(least)}: ${against(least)}.`,
  ];
}

function against(usd: number): string {
  const over = usd - goalUsd;
  return over < 0
    ? `below the goal of $${goalUsd} by $${money(-over)}`
    : `above the goal of $${goalUsd} by $${money(over)}`;
}

function measuredLines(measured: Measured, inputs: Inputs): readonly string[] {
  const { deployment, power } = inputs;
  const asked = authorizerAsked(inputs);
  const metrics = [...power.forwarder.log.metrics, ...power.authorizer.log.metrics];
  const [least] = measured.fits;
  return [
    `- Measured on ${measured.on}, ${measured.machine}, with a load of ${measured.machineLoad.map((load) => load.toFixed(1)).join(' before and ')} after; ${measured.notAtRest} measurements began while the machine was busy with something else.`,
    `- A warm request writes ${Math.round(power.forwarder.log.bytesPerRequest)} bytes in ${Math.round(power.forwarder.log.eventsPerRequest)} lines of the forwarder's log (${Math.round(power.forwarder.log.metricBytesPerRequest)} of them for metrics) and ${deployment.accessLogBytes} in the access log; a sandbox ${Math.round(power.forwarder.log.bytesPerSandbox)} more. Metrics in these lines: ${metrics.length}.`,
    `- A request of 1 KB is ${Math.round(power.forwarder.bytesToTarget).toLocaleString('en')} bytes on the wire to the target, WireGuard's and TCP's own among them.`,
    `- The authorizer is asked ${Math.round(asked).toLocaleString('en')} times: its cache answers ${(100 * (1 - asked / inputs.assumptions.requests)).toFixed(1)} % of the requests.`,
    ...measured.fits.map(
      ({ memoryMb, failed, killed, residentMb, smallRequests, largeBodies }) =>
        `- With a limit of ${memoryMb} MB: ${failed} of ${smallRequests + largeBodies} requests failed, the kernel ended ${killed} processes; ${Math.round(residentMb)} MB were resident at most.`,
    ),
    ...(least !== undefined && hasRoom(measured, least.memoryMb) === false
      ? [`- So ${least.memoryMb} MB is not possible, and its figures are only for comparison.`]
      : []),
  ];
}

function describe({ on }: Measured, { deployment, assumptions: { targetMs } }: Inputs): string {
  return `Measured on ${on} under the CPU share of each memory size; cost at the list price of ${deployment.architecture}, with a wait of ${targetMs} ms for the target.`;
}
