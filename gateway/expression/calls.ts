import { suggestion } from '../../base/suggestion.ts';
import { compileAddressCheck } from './addresses.ts';
import type { Compilation } from './compilation.ts';
import { EvaluationError } from './errors.ts';
import { checkPart } from './form-check.ts';
import type { Code } from './frame.ts';
import { type Callable, functions, methods, zonedPart } from './functions.ts';
import { macros } from './macros.ts';
import { isConstant, type Part } from './part.ts';
import type { Node, NodeOf } from './syntax.ts';
import { timestampParts, zoneShift } from './time.ts';
import { fits, joined, resultOf, type Type, typeText } from './types.ts';
import { kindOf, lookUp } from './values.ts';

type CallNode = NodeOf<'call'>;

/** Compiles a call of a function, a method or a macro. */
export function compileCall(compiler: Compilation, node: CallNode): Part {
  const { name, receiver, args } = node;
  const key = `${name}/${args.length}`;
  if (receiver === undefined) {
    if (name === 'has') return compileHas(compiler, node);
    if (name === 'ip_in') return compileAddressCheck(compiler, node);
    if (key === 'matches/2') return compileMatch(compiler, args[0] as Node, args[1] as Node);
    return apply(compiler, node, Object.hasOwn(functions, key) ? functions[key] : undefined, args);
  }
  if (Object.hasOwn(macros, key)) return compileMacro(compiler, key, node);
  if (key === 'matches/1') return compileMatch(compiler, receiver, args[0] as Node);
  const zone = args[0];
  if (zone !== undefined && args.length === 1 && Object.hasOwn(timestampParts, name))
    return apply(compiler, node, zonedPart(name, shiftOf(compiler, zone)), [receiver]);
  return apply(compiler, node, Object.hasOwn(methods, key) ? methods[key] : undefined, [receiver, ...args]);
}

/** Every function, method and macro that an expression may call. */
export function functionNames(): string[] {
  const keys = [functions, methods, macros].flatMap((table) => Object.keys(table));
  return [...new Set([...keys.map((key) => key.replace(/\/.*/, '')), 'has', 'ip_in', 'matches'])].sort();
}

function apply(
  compiler: Compilation,
  node: CallNode,
  callable: Callable | undefined,
  args: readonly Node[],
): Part {
  const { name } = node;
  if (callable === undefined) throw unknownCall(compiler, node);
  const parts = args.map((arg) => compiler.compile(arg));
  const types = parts.map(({ type }) => type);
  const type = resultOf(callable.overloads, types);
  if (type === undefined) throw compiler.error(node, wrongArguments(node, types), expected(node, callable));
  if (name === 'startsWith' || name === 'endsWith' || name === 'contains')
    checkPart(compiler, name, parts[0], parts[1], args[1]);
  const codes = parts.map((part) => part.code);
  const code = calling(callable, codes as [Code, ...Code[]]);
  if (parts.every(isConstant)) {
    // Constant calls are evaluated now, so that a malformed `duration('5 m')` is found when it is loaded.
    const folded = compiler.fold(code, type);
    if (typeof folded === 'string') throw compiler.error(node, folded);
    return folded;
  }
  const form = callable.formOf === undefined || callable.formOf === types[0] ? callable.form : undefined;
  return { type, form, code };
}

function calling({ call, steps }: Callable, [first, second, ...others]: readonly [Code, ...Code[]]): Code {
  if (second === undefined)
    return function callWithOne(frame) {
      frame.spend(steps);
      return call(frame, first(frame));
    };
  return function callWithMore(frame) {
    frame.spend(steps);
    return call(frame, first(frame), second(frame), ...others.map((one) => one(frame)));
  };
}

function unknownCall(compiler: Compilation, node: CallNode): Error {
  const { name } = node;
  const known = functionNames();
  if (known.includes(name)) return compiler.error(node, `${name} does not take these arguments`);
  const own = Object.hasOwn(elsewhere, name) ? `write ${elsewhere[name]}` : undefined;
  return compiler.error(node, `unknown function ${JSON.stringify(name)}`, own ?? suggestion(name, known));
}

/** Names in other languages, and in other function sets for CEL, of the functions here. */
const elsewhere: Readonly<Record<string, string>> = {
  toLowerCase: 'text.lowerAscii()',
  toUpperCase: 'text.upperAscii()',
  includes: "text.contains('x'), or 'x' in list",
  some: "list.exists(item, item == 'x')",
  any: "list.exists(item, item == 'x')",
  every: "list.all(item, item == 'x')",
  get: "map['key']",
  length: 'size(value)',
  len: 'size(value)',
  test: "text.matches('pattern')",
  containsIP: "ip_in(source.ip, ['10.0.0.0/8'])",
  cidr: "ip_in(source.ip, ['10.0.0.0/8'])",
};

function wrongArguments({ name, receiver }: CallNode, types: readonly Type[]): string {
  const texts = types.map(typeText);
  const owner = receiver === undefined ? '' : `${texts.shift()}.`;
  return `there is no ${owner}${name}(${texts.join(', ')})`;
}

function expected({ name, receiver }: CallNode, { overloads }: Callable): string {
  const forms = overloads.map(([parameters]) => {
    const texts = parameters.map(typeText);
    const owner = receiver === undefined ? '' : `${texts.shift()}.`;
    return `${owner}${name}(${texts.join(', ')})`;
  });
  return `there is ${forms.join(', ')}`;
}

/** `has(a.b)`: whether the field is known, or the key exists. Everything before the last key must exist. */
function compileHas(compiler: Compilation, node: CallNode): Part {
  const [select, more] = node.args;
  if (select?.kind !== 'select' || more !== undefined)
    throw compiler.error(node, 'has takes a field, such as has(webhook.payload.ref)');
  const field = compiler.field(select);
  if (field !== undefined)
    return { type: 'bool', code: (frame) => field.read(frame.context, frame) !== undefined };
  const { owner, field: key } = select;
  const part = compiler.compileOwner(owner, select);
  const where = compiler.excerpt(owner);
  return {
    type: 'bool',
    code: function has(frame) {
      const container = part.code(frame);
      if (kindOf(container) !== 'map')
        throw new EvaluationError(`${where} is a ${kindOf(container)} and has no keys`);
      return lookUp(container as object, key, frame) !== undefined;
    },
  };
}

function compileMacro(compiler: Compilation, key: string, node: CallNode): Part {
  const [variable, ...rest] = node.args;
  const macro = macros[key] as (typeof macros)[string];
  if (variable?.kind !== 'name')
    throw compiler.error(variable ?? node, `the first argument of ${node.name} is the name of a variable`);
  const receiver = node.receiver as Node;
  const range = compiler.compile(receiver);
  const items = itemType(range.type);
  if (items === undefined)
    throw compiler.error(receiver, `${node.name} goes through a list or a map, not ${typeText(range.type)}`);
  const before = compiler.nodes;
  return compiler.withVariable(
    variable.name,
    { type: items, form: range.keyForm, written: range.writtenItems },
    function compileLoop(slot) {
      const parts = rest.map((arg) => compiler.compile(arg));
      const [body, transform] = parts as [Part, Part | undefined];
      if (macro.condition && !fits(body.type, 'bool'))
        throw compiler.error(
          rest[0] as Node,
          `the condition gives ${typeText(body.type)}; it must give bool`,
        );
      const steps = 4 + compiler.nodes - before;
      const code = macro.expand({
        range: range.code,
        slot,
        body: body.code,
        transform: transform?.code,
        steps,
      });
      return { code, type: macro.result(items, (transform ?? body).type) };
    },
  );
}

function itemType(range: Type): Type | undefined {
  if (range === 'dyn') return 'dyn';
  if (typeof range === 'string') return undefined;
  return 'list' in range ? range.list : joined([range.map[0]]);
}

function compileMatch(compiler: Compilation, receiver: Node, pattern: Node): Part {
  const { code, type } = compiler.compile(receiver);
  if (!fits(type, 'string')) throw compiler.error(receiver, `matches does not take ${typeText(type)}`);
  const text = writtenText(compiler, pattern, 'the pattern of matches');
  if (compiler.compilePattern === undefined) throw new Error('the pattern compiler was not loaded');
  try {
    const matches = compiler.compilePattern(text);
    return {
      type: 'bool',
      code: function match(frame) {
        const value = code(frame);
        if (typeof value !== 'string') throw new EvaluationError(`matches does not take ${kindOf(value)}`);
        return matches(value, frame);
      },
    };
  } catch (error) {
    throw compiler.error(pattern, (error as Error).message);
  }
}

/** The zone of `now.getHours('Europe/Paris')`. It must be a literal, because making a formatter takes long. */
function shiftOf(compiler: Compilation, zone: Node): (date: Date) => Date {
  const text = writtenText(compiler, zone, 'the time zone');
  try {
    return zoneShift(text);
  } catch {
    throw compiler.error(zone, `there is no time zone ${JSON.stringify(text)}`);
  }
}

function writtenText(compiler: Compilation, node: Node, what: string): string {
  if (node.kind === 'literal' && typeof node.value === 'string') return node.value;
  throw compiler.error(
    node,
    `${what} must be a literal string, because it is checked when the expression is loaded`,
  );
}
