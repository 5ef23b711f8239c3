import { whyNoCpuGroup } from '../../test/e2e/lab/cpu.ts';
import type { Bench } from '../runner.ts';
import { bundleBench } from './bundle.ts';
import { whyNoMemoryGroup } from './fit.ts';
import { labBench } from './lab-bench.ts';

/** Postern on Lambda, measured on the real parts. */
export const lambdaBenches: readonly Bench[] = [
  bundleBench,
  labBench('cold', 'the first request of a new sandbox, API to private target and back (30 starts)'),
  labBench('warm', '1 KB through the tunnel, one request after another (1,000 requests)'),
  labBench('share', 'cold and warm with the CPU share of a function of 256 MB', whyNoCpuGroup),
  labBench(
    'power',
    'billed durations at 128 to 1,792 MB, log volume and room, for the cost model (3 minutes)',
    () => whyNoCpuGroup() ?? whyNoMemoryGroup(),
  ),
  labBench('memory', 'function, extension and tailscaled over 50 bodies of 4 MB'),
  labBench('thaw', 'the first request after a freeze of 190 s (5 sandboxes, 4 minutes)'),
  labBench('ends', 'recovery after tailscaled was killed, shutdown, and a start that fails (20 sandboxes)'),
];
