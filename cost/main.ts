import { readMeasured } from './measured.ts';
import { writeFiles } from './page.ts';
import { reportOf, textOf } from './report.ts';
import { synthesize } from './template.ts';

// `npm run cost [-- --measure]`: prints what a month costs, and writes the same into docs/cost.md and its picture.

try {
  const report = reportOf(readMeasured(), synthesize());
  process.stdout.write(textOf(report));
  writeFiles(report);
} catch (error) {
  process.stderr.write(`postern: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
