import { cidrProblem } from '../net/address.ts';
import { type Schema, s } from './schema.ts';

// Matching is in another file, because an authorizer with ranges alone does not need the schema's library.
export { type AddressSet, compileCidrs } from '../net/address.ts';

/** A list of ranges as an option. */
export function cidrs(): Schema<readonly string[]> {
  const range = s.refine(s.string({ max: 64 }), cidrProblem);
  return s.list(range, { max: 10_000 });
}
