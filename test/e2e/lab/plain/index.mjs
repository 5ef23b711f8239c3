// A function that does as the event says, for the tests of the laboratory itself.
import { writeFileSync } from 'node:fs';

export async function handler({ fail, exit, write }, context) {
  if (fail !== undefined) throw new TypeError(fail);
  if (exit !== undefined) process.exit(exit);
  if (write !== undefined) writeFileSync(write, 'x');
  const { AWS_LAMBDA_FUNCTION_NAME: name } = process.env;
  return { name, user: process.getuid(), leftMs: context.getRemainingTimeInMillis() };
}
