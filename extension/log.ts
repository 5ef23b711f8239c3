import { createLog, type Log } from '../base/log.ts';
import { redact } from '../base/redact.ts';

/** One JSON object a line on standard output, where Lambda's log reads it. No key gets through. */
export const log: Log = createLog(function writeRedacted(line) {
  process.stdout.write(redact(line));
});
