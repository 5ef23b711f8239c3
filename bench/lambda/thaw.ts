import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from '../../test/e2e/lab/lab.ts';
import type { BenchResult } from '../runner.ts';
import { type Attempts, say } from './measure.ts';
import { openPath } from './path.ts';

const sandboxes = 5;
const frozenMs = 190_000;
/** Between two freezes, and so between two thaws: each is measured by itself. */
const apartMs = 3_000;
const requestsBefore = 3;

/** The first request after a pause in which the sandbox was frozen and got nothing from the network. */
export async function measureThaw(lab: Lab): Promise<BenchResult> {
  const tookMs: number[] = [];
  const warmMs: number[] = [];
  const failures: string[] = [];
  const logs: string[][] = [];

  async function freezeOne(number: number): Promise<void> {
    await sleep(number * apartMs);
    const path = await openPath(lab);
    for (let count = 0; count < requestsBefore; count += 1) warmMs.push(await path.webhook());
    await path.forwarder.freeze(frozenMs);
    try {
      const took = await path.webhook();
      tookMs.push(took);
      say(`sandbox ${number + 1} answered after ${took.toFixed(1)} ms`);
    } catch (error) {
      failures.push((error as Error).message);
      say(`sandbox ${number + 1} failed: ${(error as Error).message}`);
    }
    logs.push(path.forwarder.log.json.map((line) => JSON.stringify(line)));
    await path.shutdown();
  }

  await Promise.all(Array.from({ length: sandboxes }, (_, number) => freezeOne(number)));
  const attempts: Attempts = { tookMs, failures };
  return {
    method:
      `${sandboxes} sandboxes, each in its own network namespace: every process stopped by SIGSTOP and the route to it blackholed for ${frozenMs / 1_000} s, ` +
      `then both undone and one signed webhook sent at once. They are frozen ${apartMs / 1_000} s apart, so that each thaws by itself.`,
    figures: [
      {
        name: 'first request after the freeze, slowest',
        value: Math.max(...tookMs),
        unit: 'ms',
        goal: '<= 100',
      },
      { name: 'first request after the freeze, failed', value: failures.length, unit: '', goal: '<= 0' },
    ],
    raw: { ...attempts, logs },
  };
}
