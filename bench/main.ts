import { doorBench } from './door.ts';
import { lambdaBenches } from './lambda/index.ts';
import { type Bench, runBenches } from './runner.ts';
import { serveBench } from './serve/bench.ts';

/** `npm run bench [NAME …]`: measures, prints, and keeps the figures in bench/results. */
const benches: readonly Bench[] = [serveBench, doorBench, ...lambdaBenches];

process.exitCode = await runBenches(benches, process.argv.slice(2));
