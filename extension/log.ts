import { createLog } from '../gateway/log.ts';
import type { Log } from '../gateway/plugin.ts';
import { redact } from '../gateway/redact.ts';

/** One JSON object a line on standard output, where Lambda's log reads it. No key gets through. */
export const log: Log = createLog(function writeRedacted(line) {
  process.stdout.write(redact(line));
});
