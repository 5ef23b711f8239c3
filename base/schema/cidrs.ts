import { cidrProblem } from '../net/address.ts';
import { type Schema, s } from './schema.ts';

// Matching lies apart from the options' schema, whose library an authorizer of ranges alone need not load.
export { type AddressSet, compileCidrs } from '../net/address.ts';

/** A list of ranges in options. */
export function cidrs(): Schema<readonly string[]> {
  const range = s.refine(s.string({ max: 64 }), cidrProblem);
  return s.list(range, { max: 10_000 });
}
