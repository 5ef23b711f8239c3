import { compileCidrs } from '../gateway/address.ts';
import { InvalidProps } from './problem.ts';

/** @throws InvalidProps when there are none, or one is no range */
export function checkSourceCidrs(ranges: readonly string[]): void {
  if (ranges.length === 0) {
    throw new InvalidProps(
      'WebhookGateway',
      `sourceCidrs is empty, which would refuse everyone; name the ranges that webhooks come from, such as "192.0.2.0/24", or "0.0.0.0/0" and "::/0" for everyone`,
    );
  }
  try {
    compileCidrs(ranges);
  } catch (error) {
    throw new InvalidProps('WebhookGateway', `sourceCidrs has the wrong range ${(error as Error).message}`);
  }
}
