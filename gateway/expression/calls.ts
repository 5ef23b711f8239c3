import { suggestion } from '../suggestion.ts';
import { compileAddressCheck } from './addresses.ts';
import type { Compiler } from './compile.ts';
import { type ASTNode, functionNames } from './dialect.ts';
import { EvaluationError } from './errors.ts';
import { Frame } from './frame.ts';
import { type Callable, functions, methods } from './functions.ts';
import { macros } from './macros.ts';
import { constant, isConstant, type Part } from './part.ts';
import { timestampParts, zoneShift } from './time.ts';
import { kindOf, lookUp } from './values.ts';

type CallNode = Extract<ASTNode, { readonly op: 'call' | 'rcall' }>;

/** Compiles a call of a function, a method or a macro. */
export function compileCall(compiler: Compiler, node: CallNode): Part {
  if (node.op === 'call') {
    const [name, args] = node.args;
    if (name === 'has') return compileHas(compiler, args);
    if (name === 'ip_in') return compileAddressCheck(compiler, args);
    return apply(compiler, node, name, functions[`${name}/${args.length}`], args);
  }
  const [name, receiver, args] = node.args;
  const key = `${name}/${args.length}`;
  if (macros[key] !== undefined) return compileMacro(compiler, key, receiver, args);
  if (key === 'matches/1') return compileMatch(compiler, receiver, args[0] as ASTNode);
  if (args.length === 1 && Object.hasOwn(timestampParts, name))
    return compileZonedPart(compiler, name, receiver, args[0] as ASTNode);
  return apply(compiler, node, name, methods[key], [receiver, ...args]);
}

function apply(
  compiler: Compiler,
  node: CallNode,
  name: string,
  callable: Callable | undefined,
  args: readonly ASTNode[],
): Part {
  if (callable === undefined) {
    const known = functionNames();
    const message = known.includes(name)
      ? `${name} does not take these arguments`
      : `there is no function ${JSON.stringify(name)}`;
    throw compiler.error(node, message, known.includes(name) ? undefined : suggestion(name, known));
  }
  const parts = args.map((arg) => compiler.compile(arg));
  if (parts.every(isConstant)) return fold(compiler, node, callable, parts);
  const [first, second] = parts.map(({ code }) => code);
  if (first === undefined || parts.length > 2)
    throw compiler.error(node, `${name} does not take these arguments`);
  if (second === undefined) return { code: (frame) => callable(frame, first(frame)) };
  return { code: (frame) => callable(frame, first(frame), second(frame)) };
}

/** What can be known now is worked out now, so that a malformed `duration('5 m')` is found when it is loaded. */
function fold(compiler: Compiler, node: ASTNode, callable: Callable, parts: readonly Required<Part>[]): Part {
  try {
    return constant(callable(new Frame(undefined as never, []), ...parts.map((part) => part.constant.value)));
  } catch (error) {
    throw compiler.error(node, (error as Error).message);
  }
}

/** `has(a.b)`: whether the field is known, or the key there. What leads to the last key must exist. */
function compileHas(compiler: Compiler, args: readonly ASTNode[]): Part {
  const select = args[0];
  if (select?.op !== '.') throw new Error('the parser lets only a selection through');
  const field = compiler.field(select);
  if (field !== undefined) return { code: (frame) => field.read(frame.exchange) !== undefined };
  const [owner, key] = select.args;
  const { code } = compiler.compile(owner);
  const where = compiler.excerpt(owner);
  return {
    code: function has(frame) {
      const container = code(frame);
      if (kindOf(container) !== 'map')
        throw new EvaluationError(`${where} is a ${kindOf(container)} and has no keys`);
      return lookUp(container as object, key) !== undefined;
    },
  };
}

function compileMacro(compiler: Compiler, key: string, receiver: ASTNode, args: readonly ASTNode[]): Part {
  const [variable, ...rest] = args;
  const expand = macros[key];
  if (variable?.op !== 'id' || expand === undefined) throw new Error('the parser lets only a name through');
  const range = compiler.compile(receiver).code;
  const before = compiler.nodes;
  return compiler.withVariable(variable.args, function compileLoop(slot) {
    const [body, transform] = rest.map((arg) => compiler.compile(arg).code);
    if (body === undefined) throw new Error('the parser lets no macro without a body through');
    return { code: expand({ range, slot, body, transform, steps: 2 + compiler.nodes - before }) };
  });
}

function compileMatch(compiler: Compiler, receiver: ASTNode, pattern: ASTNode): Part {
  const { code } = compiler.compile(receiver);
  const text = writtenText(compiler, pattern, 'the pattern of matches');
  if (compiler.compilePattern === undefined) throw new Error('the pattern compiler was not loaded');
  try {
    const matches = compiler.compilePattern(text);
    return {
      code: function match(frame) {
        const value = code(frame);
        if (typeof value !== 'string') throw new EvaluationError(`matches does not take a ${kindOf(value)}`);
        return matches(value, frame);
      },
    };
  } catch (error) {
    throw compiler.error(pattern, (error as Error).message);
  }
}

/** `now.getHours('Europe/Paris')`; making a formatter takes long, so the zone must be written out. */
function compileZonedPart(compiler: Compiler, name: string, receiver: ASTNode, zone: ASTNode): Part {
  const { code } = compiler.compile(receiver);
  const part = timestampParts[name] as (date: Date) => number;
  const text = writtenText(compiler, zone, 'the time zone');
  let shift: (date: Date) => Date;
  try {
    shift = zoneShift(text);
  } catch {
    throw compiler.error(zone, `there is no time zone ${JSON.stringify(text)}`);
  }
  return {
    code: function zonedPart(frame) {
      const value = code(frame);
      if (!(value instanceof Date))
        throw new EvaluationError(`${name} with a zone does not take a ${kindOf(value)}`);
      frame.spend(500);
      return BigInt(part(shift(value)));
    },
  };
}

function writtenText(compiler: Compiler, node: ASTNode, what: string): string {
  if (node.op === 'value' && typeof node.args === 'string') return node.args;
  throw compiler.error(
    node,
    `${what} must be written out as a text; it is checked when the expression is loaded`,
  );
}
