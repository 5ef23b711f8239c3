import { compileCidrs } from '../gateway/address.ts';
import { InvalidProps } from './problem.ts';

/** All of a function's variables together may have 4 KB. */
const longestList = 3_500;

/** @throws InvalidProps when there are none, one is no range, or they are too many for a variable */
export function checkSourceCidrs(ranges: readonly string[] | undefined): void {
  if (ranges === undefined || ranges.length === 0) {
    throw wrong(
      `sourceCidrs is ${ranges === undefined ? 'missing' : 'empty'}; name the ranges that requests come from, such as "192.0.2.0/24", or "0.0.0.0/0" and "::/0" for everyone`,
    );
  }
  try {
    compileCidrs(ranges);
  } catch (error) {
    throw wrong(`sourceCidrs has the wrong range ${(error as Error).message}`);
  }
  const length = ranges.join(',').length;
  if (length > longestList) {
    throw wrong(
      `sourceCidrs has ${ranges.length} ranges of ${length} characters, and a function's environment takes ${longestList} of them; give wider ranges here and the exact ones to the plugin source-ip in postern.yaml`,
    );
  }
}

function wrong(problem: string): InvalidProps {
  return new InvalidProps('WebhookGateway', problem);
}
