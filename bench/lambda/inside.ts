import { startLab } from '../../test/e2e/lab/lab.ts';
import { enterHub } from '../../test/e2e/lab/network.ts';
import { measureCold } from './cold.ts';
import { measureEnds } from './ends.ts';
import type { Measure } from './measure.ts';
import { measureMemory } from './memory.ts';
import { measurePower } from './power.ts';
import { measureShare } from './share.ts';
import { measureThaw } from './thaw.ts';
import { measureWarm } from './warm.ts';

// What lab-bench.ts starts: one measurement inside the laboratory's network. The result is all that goes to standard output.

const measurements: Readonly<Record<string, Measure>> = {
  cold: measureCold,
  thaw: measureThaw,
  ends: measureEnds,
  warm: measureWarm,
  share: measureShare,
  memory: measureMemory,
  power: measurePower,
};

await enterHub();
const measure = measurements[process.argv[2] ?? ''];
if (measure === undefined) throw new Error(`known are ${Object.keys(measurements).join(', ')}`);
const lab = await startLab();
try {
  await lab.storeKey();
  process.stdout.write(JSON.stringify(await measure(lab)));
} finally {
  await lab.stop();
}
