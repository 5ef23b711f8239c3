import { isIP } from 'node:net';
import { type AddressSet, cidrProblem, compileCidrs } from '../address.ts';
import type { Compiler } from './compile.ts';
import type { ASTNode } from './dialect.ts';
import { EvaluationError } from './errors.ts';
import type { Frame } from './frame.ts';
import type { Part } from './part.ts';

const mostRanges = 100;
/** Reading one range and adding it to a set. */
const rangeSteps = 300;

/**
 * `ip_in(source.ip, ['10.0.0.0/8'])`: whether an address lies in one of the ranges.
 *
 * A list that is written out is checked and compiled when the expression is loaded. What is no address is an error and
 * not false, or `!ip_in(…)` would let in whoever has none.
 */
export function compileAddressCheck(compiler: Compiler, args: readonly ASTNode[]): Part {
  const [address, ranges] = args as [ASTNode, ASTNode];
  const { code } = compiler.compile(address);
  const written = writtenRanges(compiler, ranges);
  if (written !== undefined) {
    return { code: (frame) => contains(written, code(frame)) };
  }
  const list = compiler.compile(ranges).code;
  return { code: (frame) => contains(readRanges(list(frame), frame), code(frame)) };
}

function contains(set: AddressSet, address: unknown): boolean {
  if (typeof address !== 'string' || isIP(address) === 0)
    throw new EvaluationError('ip_in: the first argument is no address');
  return set(address);
}

/** Undefined when the list is not written out. */
function writtenRanges(compiler: Compiler, list: ASTNode): AddressSet | undefined {
  if (list.op !== 'list') return undefined;
  const ranges: string[] = [];
  for (const element of list.args) {
    if (element.op !== 'value' || typeof element.args !== 'string') return undefined;
    const problem = cidrProblem(element.args);
    if (problem !== undefined) throw compiler.error(element, problem);
    ranges.push(element.args);
  }
  return compileCidrs(ranges);
}

function readRanges(list: unknown, frame: Frame): AddressSet {
  if (!Array.isArray(list) || list.length > mostRanges || !list.every((range) => typeof range === 'string'))
    throw new EvaluationError(`ip_in takes a list of at most ${mostRanges} ranges`);
  frame.spend(list.length * rangeSteps);
  try {
    return compileCidrs(list);
  } catch (error) {
    throw new EvaluationError(`ip_in: ${(error as Error).message.slice(0, 200)}`);
  }
}
