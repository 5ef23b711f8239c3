import { consumersBench } from './consumers.ts';
import { doorBench } from './door.ts';
import { lambdaBenches } from './lambda/index.ts';
import { policyBench } from './policy.ts';
import { type Bench, runBenches } from './runner.ts';
import { serveBench } from './serve/bench.ts';

/** `npm run bench [NAME …]`: measures, prints, and keeps the figures in bench/results. */
const benches: readonly Bench[] = [serveBench, doorBench, policyBench, consumersBench, ...lambdaBenches];

process.exitCode = await runBenches(benches, process.argv.slice(2));
