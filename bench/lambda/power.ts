import { loadavg } from 'node:os';
import type { CpuGroup } from '../../test/e2e/lab/cpu.ts';
import type { Lab } from '../../test/e2e/lab/lab.ts';
import { smallMemory } from '../../test/e2e/lab/small-memory.ts';
import { type BenchResult, type Figure, percentile } from '../runner.ts';
import { type Fit, measureFit } from './fit.ts';
import { type LogVolume, readLogVolume } from './log-volume.ts';
import { say } from './measure.ts';
import { functionEnv, openPath, type Path } from './path.ts';
import { type AuthorizerPower, measureAuthorizer } from './power-authorizer.ts';
import { readSent, sentToOthers } from './sent-bytes.ts';
import {
  type ColdStart,
  checkThrottled,
  coldStartUnder,
  cpusOf,
  type Limited,
  linesOf,
  mean,
  median,
  Patience,
  reportsOf,
} from './sized.ts';

/** The memory sizes of the curve, in MB. */
const sizesMb = [128, 256, 512, 1_024, 1_792] as const;
/** The default memory of the stack's functions. */
const usualMb = 256;

const starts = 5;
const limitedStarts = 2;
const rounds = 5;
const requestsPerRound = 100;
/** Not measured: what is left of the start, and code that the engine has not compiled yet. */
const requestsBefore = 100;
const patienceMs = 60_000;

/** The part of a measurement that the cost model uses. */
export interface Power {
  readonly sizes: readonly SizePower[];
  readonly authorizer: AuthorizerPower;
  readonly forwarder: {
    readonly log: LogVolume;
    /** Bytes on the wire through the tunnel, for a request of 1 KB. */
    readonly bytesToTarget: number;
  };
  readonly fits: readonly Fit[];
  /** The machine's load in the last minute, before and after. */
  readonly machineLoad: readonly number[];
  /** How many of the measurements began on a machine that was busy with something else. */
  readonly notAtRest: string;
}

/** At one memory size, in milliseconds; medians. */
export interface SizePower {
  readonly memoryMb: number;
  readonly cpus: number;
  /** With a whole CPU, as on Lambda. */
  readonly initMs: number;
  readonly firstMs: number;
  /** With the share from the first instruction: the worst case. */
  readonly limitedInitMs: number;
  /** The billed time of a warm request: mean of each round, median of the rounds. */
  readonly billedMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Cold and warm durations as Lambda bills them, at each memory size; what is logged; and which sizes have enough room. */
export async function measurePower(lab: Lab): Promise<BenchResult> {
  const loadBefore = loadavg()[0] as number;
  const rest = new Patience(patienceMs);
  const cold = await coldStarts(lab, 'after init', starts, rest);
  const coldLimited = await coldStarts(lab, 'always', limitedStarts, rest);
  say('warm requests');
  const { durations, forwarder } = await measureWarm(lab, rest);
  say('the authorizer');
  const authorizer = await measureAuthorizer(lab, usualMb, rest);
  say('room in memory');
  const fits = [await measureFit(lab, sizesMb[0]), await measureFit(lab, usualMb)];

  const sizes = sizesMb.map((memoryMb): SizePower => {
    const warm = durations.get(memoryMb) ?? [];
    const started = cold.get(memoryMb) ?? [];
    return {
      memoryMb,
      cpus: cpusOf(memoryMb),
      initMs: median(started.map(({ initMs }) => initMs)),
      firstMs: median(started.map(({ firstMs }) => firstMs)),
      limitedInitMs: median((coldLimited.get(memoryMb) ?? []).map(({ initMs }) => initMs)),
      billedMs: median(warm.map(mean)),
      p50Ms: percentile(warm.flat(), 0.5),
      p99Ms: percentile(warm.flat(), 0.99),
    };
  });
  const power: Power = {
    ...{ sizes, authorizer, forwarder, fits, machineLoad: [loadBefore, loadavg()[0] as number] },
    notAtRest: `${rest.missed} of ${rest.waits}`,
  };
  return {
    method:
      'The real parts, with every process of the sandbox, the emulator among them, in a cgroup with the share of a CPU that Lambda gives the memory size (MB / 1769, 20 ms periods). Durations are those of ' +
      'the reports that the emulator writes, which follow what Lambda bills: from the event until the function and the extension ask for the next one. ' +
      `Init: ${starts} starts a size, free until init is done, as Lambda gives more CPU then; ${limitedStarts} more with the share from the first instruction. ` +
      `Warm: ${rounds} rounds of ${requestsPerRound} signed webhooks of 1 KB, one right after another, the sizes in turn, after ${requestsBefore} without a limit that do not count; billed is the median of the rounds' means, each duration rounded up to 1 ms. ` +
      "The target answers at once and is on the same machine, so neither its time nor the network's is in it. Room: under a limit of the memory cgroup, which is milder than Lambda's.",
    figures: [...sizes.flatMap(figuresOf), ...figuresOfAuthorizer(authorizer), ...fits.flatMap(figuresOfFit)],
    raw: {
      ...power,
      samples: {
        ...{ cold: Object.fromEntries(cold), coldLimited: Object.fromEntries(coldLimited) },
        warm: Object.fromEntries(durations),
      },
    },
  };
}

async function coldStarts(
  lab: Lab,
  limited: Limited,
  count: number,
  rest: Patience,
): Promise<ReadonlyMap<number, readonly ColdStart[]>> {
  const found = new Map<number, ColdStart[]>(sizesMb.map((memoryMb) => [memoryMb, []]));
  // The sizes in turn, so that a slow minute of the machine does not affect only one of them.
  for (let start = 0; start < count; start += 1) {
    say(`cold starts, share ${limited}: ${start + 1} of ${count}`);
    for (const memoryMb of sizesMb) {
      const path = await openSized(lab, memoryMb);
      await rest.wait();
      const sandbox = path.forwarder;
      found.get(memoryMb)?.push(await coldStartUnder({ sandbox, memoryMb, limited }, path.webhook));
      checkThrottled(sandbox.cpu as CpuGroup, memoryMb);
      (sandbox.cpu as CpuGroup).limit(undefined);
      await path.shutdown();
    }
  }
  return found;
}

async function measureWarm(lab: Lab, rest: Patience) {
  const paths = new Map<number, Path>();
  for (const memoryMb of sizesMb) {
    const path = await openSized(lab, memoryMb);
    for (let sent = 0; sent < requestsBefore; sent += 1) await path.webhook();
    paths.set(memoryMb, path);
  }
  const durations = new Map<number, (readonly number[])[]>(sizesMb.map((memoryMb) => [memoryMb, []]));
  const bytesToTarget: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const [memoryMb, path] of paths) {
      await rest.wait();
      const sentBefore = await readSent(path.forwarder);
      durations
        .get(memoryMb)
        ?.push(await warmRound(path, memoryMb, requestsBefore + round * requestsPerRound));
      const sent = sentToOthers(sentBefore, await readSent(path.forwarder));
      bytesToTarget.push(sent / requestsPerRound);
    }
  }
  for (const path of paths.values()) await path.shutdown();
  const log = readLogVolume(linesOf((paths.get(usualMb) as Path).forwarder));
  return { durations, forwarder: { log, bytesToTarget: median(bytesToTarget) } };
}

/** Billed milliseconds of each request. */
async function warmRound(path: Path, memoryMb: number, reportsBefore: number): Promise<readonly number[]> {
  const cpu = path.forwarder.cpu as CpuGroup;
  cpu.limit(cpusOf(memoryMb));
  for (let number = 0; number < requestsPerRound; number += 1) await path.webhook();
  const reports = await reportsOf(path.forwarder, reportsBefore + requestsPerRound);
  checkThrottled(cpu, memoryMb);
  cpu.limit(undefined);
  return reports.slice(reportsBefore).map(({ durationMs }) => Math.ceil(durationMs));
}

function openSized(lab: Lab, memoryMb: number): Promise<Path> {
  const env = { ...functionEnv, ...smallMemory, AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb) };
  return openPath(lab, { cpuGroup: true, env });
}

function figuresOf({ memoryMb, ...power }: SizePower): readonly Figure[] {
  const ms = (name: string, value: number): Figure => ({
    name: `${memoryMb} MB, ${name}`,
    value,
    unit: 'ms',
  });
  return [
    ms('init', power.initMs),
    ms('init with the share from the first instruction', power.limitedInitMs),
    ms('first request after init', power.firstMs),
    ms('warm, billed', power.billedMs),
    ms('warm, p50', power.p50Ms),
    ms('warm, p99', power.p99Ms),
  ];
}

function figuresOfAuthorizer({ memoryMb, initMs, billedMs }: AuthorizerPower): readonly Figure[] {
  return [
    { name: `authorizer, ${memoryMb} MB, init`, value: initMs, unit: 'ms' },
    { name: `authorizer, ${memoryMb} MB, warm, billed`, value: billedMs, unit: 'ms' },
  ];
}

function figuresOfFit({ memoryMb, ...fit }: Fit): readonly Figure[] {
  const of = (what: string, value: number, unit: string): Figure => ({
    ...{ name: `limit of ${memoryMb} MB, ${what}`, value, unit },
  });
  return [
    of('resident, most', fit.residentMb, 'MB'),
    of('anonymous, most', fit.anonymousMb, 'MB'),
    of(`failed of ${fit.smallRequests + fit.largeBodies}`, fit.failed, ''),
    of('processes ended by the kernel', fit.killed, ''),
  ];
}
