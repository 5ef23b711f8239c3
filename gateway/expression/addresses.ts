import { isIP } from 'node:net';
import { type AddressSet, cidrProblem, compileCidrs } from '../../base/net/address.ts';
import type { Compilation } from './compilation.ts';
import { EvaluationError } from './errors.ts';
import type { Frame } from './frame.ts';
import { isConstant, type Part } from './part.ts';
import type { Node, NodeOf } from './syntax.ts';
import { fits, listOf, typeText } from './types.ts';

const mostRanges = 100;
/** The longest range: an IPv6 address with an IPv4 address in it, and a prefix length. */
const longestRange = 49;
/** The cost of reading one range and adding it to a set, or of looking up an address. */
const rangeSteps = 1_000;
const lookUpSteps = 50;

/**
 * `ip_in(source.ip, ['10.0.0.0/8'])`: whether an address lies in one of the ranges.
 *
 * A literal list is checked and compiled when the expression is loaded. A value that is not an address is an error instead of false,
 * because `!ip_in(…)` would otherwise allow every client without one.
 */
export function compileAddressCheck(compiler: Compilation, node: NodeOf<'call'>): Part {
  const [first, second] = node.args;
  if (first === undefined || second === undefined || node.args.length > 2)
    throw compiler.error(node, 'ip_in takes an address and a list of ranges');
  const address = compiler.compile(first);
  const ranges = compiler.compile(second);
  if (!fits(address.type, 'string'))
    throw compiler.error(first, `ip_in takes an address, not ${typeText(address.type)}`);
  if (!fits(ranges.type, listOf('string')))
    throw compiler.error(second, `ip_in takes a list of ranges, not ${typeText(ranges.type)}`);
  if (isConstant(address) && isIP(String(address.constant.value)) === 0)
    throw compiler.error(first, `${JSON.stringify(address.constant.value)} is not an address`);
  const written = writtenRanges(compiler, second);
  const { code } = address;
  const setOf: (frame: Frame) => AddressSet =
    written === undefined ? (frame) => readRanges(ranges.code(frame), frame) : () => written;
  return { type: 'bool', code: (frame) => contains(setOf(frame), code(frame), frame) };
}

function contains(set: AddressSet, address: unknown, frame: Frame): boolean {
  frame.spend(lookUpSteps);
  if (typeof address !== 'string' || address.length > longestRange || isIP(address) === 0)
    throw new EvaluationError('ip_in: the first argument is not an address');
  return set(address);
}

/** Undefined if the list is not a literal. */
function writtenRanges(compiler: Compilation, list: Node): AddressSet | undefined {
  if (list.kind !== 'list') return undefined;
  const ranges: string[] = [];
  for (const item of list.items) {
    if (item.kind !== 'literal') return undefined;
    const range = String(item.value);
    const problem = cidrProblem(range);
    if (problem !== undefined) throw compiler.error(item, problem);
    ranges.push(range);
  }
  return compileCidrs(ranges);
}

function readRanges(list: unknown, frame: Frame): AddressSet {
  const isRange = (range: unknown) => typeof range === 'string' && range.length <= longestRange;
  if (!Array.isArray(list) || list.length > mostRanges || !list.every(isRange))
    throw new EvaluationError(`ip_in takes a list of at most ${mostRanges} ranges`);
  frame.spend(list.length * rangeSteps);
  try {
    return compileCidrs(list);
  } catch (error) {
    throw new EvaluationError(`ip_in: ${(error as Error).message}`);
  }
}
