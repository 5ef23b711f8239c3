import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Power, SizePower } from '../bench/lambda/power.ts';

/** What `npm run bench power` found, and when and where. */
export interface Measured extends Power {
  readonly on: string;
  readonly machine: string;
}

const file = new URL('../bench/results/power.json', import.meta.url);

/**
 * Reads what was measured.
 *
 * @throws Error that says how to measure, if there are no results or they are from an older bench
 */
export function readMeasured(from: URL = file): Measured {
  let text: string;
  try {
    text = readFileSync(from, 'utf8');
  } catch {
    throw unmeasured(`there is no ${fileURLToPath(from)}`);
  }
  const { raw, measured, machine } = JSON.parse(text) as {
    readonly raw?: Partial<Power>;
    readonly measured: string;
    readonly machine: { readonly cpu?: string; readonly cores: number };
  };
  const { sizes, authorizer, forwarder, fits, machineLoad, notAtRest } = raw ?? {};
  if (
    sizes === undefined ||
    authorizer === undefined ||
    forwarder === undefined ||
    fits === undefined ||
    machineLoad === undefined ||
    notAtRest === undefined
  )
    throw unmeasured('bench/results/power.json is of an older bench');
  const on = measured.slice(0, 10);
  return {
    ...{ sizes, authorizer, forwarder, fits, machineLoad, notAtRest, on },
    machine: `${machine.cpu ?? 'a processor unknown'}, ${machine.cores} cores`,
  };
}

/** @throws Error when this size was not measured */
export function sizeOf({ sizes }: Power, memoryMb: number): SizePower {
  const found = sizes.find((size) => size.memoryMb === memoryMb);
  if (found === undefined)
    throw new Error(
      `${memoryMb} MB was not measured; measured are ${sizes.map((size) => size.memoryMb).join(', ')}`,
    );
  return found;
}

/** Whether a size had room for function, extension and tailscaled; undefined where it was not tried. */
export function hasRoom({ fits }: Power, memoryMb: number): boolean | undefined {
  const fit = fits.find((one) => one.memoryMb === memoryMb);
  if (fit !== undefined) return fit.failed === 0 && fit.killed === 0;
  // More memory than a size that had enough room.
  return fits.some((one) => one.memoryMb < memoryMb && one.failed === 0 && one.killed === 0)
    ? true
    : undefined;
}

function unmeasured(why: string): Error {
  return new Error(
    `durations are measured, never assumed, and ${why}; run \`npm run bench power\` (Linux with root, Go and Python; 3 minutes) or \`npm run cost -- --measure\``,
  );
}
