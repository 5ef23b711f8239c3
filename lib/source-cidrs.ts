import { Fn, Token } from 'aws-cdk-lib';
import { compileCidrs } from '../base/net/address.ts';
import { InvalidProps } from './problem.ts';

/** All of a function's variables together may have 4 KB. */
const longestList = 3_500;

/**
 * Checks the ranges that are known now. Tokens (parameters, imports) are checked by the authorizer, which refuses everyone if one is wrong.
 *
 * @throws InvalidProps if the list is empty, has something that is not a range, or is too long for a variable
 */
export function checkSourceCidrs(ranges: readonly string[] | undefined): void {
  if (ranges === undefined || ranges.length === 0) {
    throw wrong(
      `sourceCidrs is ${ranges === undefined ? 'missing' : 'empty'}; name the ranges that requests come from, such as "192.0.2.0/24", or "0.0.0.0/0" and "::/0" for everyone`,
    );
  }
  if (Token.isUnresolved(ranges)) return;
  if (ranges.some((range) => Token.isUnresolved([range]))) {
    throw wrong(
      'sourceCidrs puts other ranges beside a list that only the deployment knows, such as a parameter; give only that list, or take single values of it by Fn.select',
    );
  }
  const known = ranges.filter((range) => !Token.isUnresolved(range));
  try {
    compileCidrs(known);
  } catch (error) {
    throw wrong(`sourceCidrs has the wrong range ${(error as Error).message}`);
  }
  const length = known.join(',').length;
  if (length > longestList) {
    throw wrong(
      `sourceCidrs has ${ranges.length} ranges of ${length} characters, and a function's environment takes ${longestList} of them; give wider ranges here and the exact ones to the plugin source-ip in postern.yaml`,
    );
  }
}

/** The ranges as AUTHD_SOURCE_CIDR takes them; CloudFormation joins a list that only it knows. */
export function joinSourceCidrs(ranges: readonly string[]): string {
  return Fn.join(',', [...ranges]);
}

function wrong(problem: string): InvalidProps {
  return new InvalidProps('WebhookGateway', problem);
}
