import { createLog, type Log } from '../base/log.ts';
import { redact } from '../base/redact.ts';

/** One JSON object a line on standard output, which is Lambda's log. Keys are removed. */
export const log: Log = createLog(function writeRedacted(line) {
  process.stdout.write(redact(line));
});
