import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { whyNoLab } from '../../test/e2e/lab/capability.ts';
import type { Bench, BenchResult } from '../runner.ts';

const inside = fileURLToPath(new URL('inside.ts', import.meta.url));

/**
 * A bench on the real parts: it runs in its own network, which nothing can leave, and so as a separate program.
 *
 * @param measurement a name that inside.ts knows
 * @param whyNot why this bench cannot run here, or undefined
 */
export function labBench(
  measurement: string,
  about: string,
  whyNot: () => string | undefined = () => undefined,
): Bench {
  return {
    name: measurement,
    about,
    missing: () => whyNoLab() ?? whyNot(),
    run: () => runInside(measurement),
  };
}

async function runInside(measurement: string): Promise<BenchResult> {
  const env = { ...process.env, POSTERN_E2E: 'required' };
  const child = spawn(process.execPath, [inside, measurement], { stdio: ['ignore', 'pipe', 'inherit'], env });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${measurement} did not come to its end`);
  return JSON.parse(text) as BenchResult;
}
