import { type ASTNode, Environment, ParseError, TypeError as TypeProblem } from '@marcbachmann/cel-js';
import { messageOf } from '../message-of.ts';
import { suggestion } from '../suggestion.ts';
import { functions, methods } from './functions.ts';
import { macros } from './macros.ts';
import { groups, values } from './names.ts';
import { type Span, sourceError } from './source-error.ts';

export type { ASTNode };

/**
 * What depends on the source alone is bounded here; 4,096 characters are as long as an option may be.
 * The depth counts parentheses, calls, selects and indexes inside one another.
 */
const maxSourceCharacters = 4_096;
const limits = {
  maxAstNodes: 1_000,
  maxDepth: 32,
  maxListElements: 500,
  maxMapEntries: 100,
  maxCallArguments: 4,
};

let environment: Environment | undefined;

/**
 * Parses and type-checks an expression that must give a boolean.
 *
 * The parser and the type checker are @marcbachmann/cel-js; evaluating is our own (compile.ts), because no engine counts
 * its work.
 *
 * @throws ConfigurationError with the place and, for a misspelt name, a hint
 */
export function check(source: string): ASTNode {
  if (source.length > maxSourceCharacters) {
    const message = `the expression has ${source.length} characters, the limit is ${maxSourceCharacters}`;
    throw sourceError(source, { start: maxSourceCharacters, end: maxSourceCharacters }, message);
  }
  environment ??= createEnvironment();
  let checked: ReturnType<ReturnType<Environment['parse']>['check']>;
  let ast: ASTNode;
  try {
    const parsed = environment.parse(source);
    ast = parsed.ast;
    checked = parsed.check();
  } catch (error) {
    throw explain(source, error);
  }
  if (!checked.valid) throw explain(source, checked.error);
  if (checked.type === 'bool') return ast;
  const hint = checked.type === 'dyn' ? 'compare it, for example with == true' : undefined;
  throw sourceError(source, ast, `the expression gives ${checked.type}; it must give bool`, hint);
}

function createEnvironment(): Environment {
  const created = new Environment({
    unlistedVariablesAreDyn: false,
    homogeneousAggregateLiterals: true,
    limits,
  });
  for (const [name, fields] of Object.entries(groups)) {
    const types = Object.fromEntries(Object.entries(fields).map(([field, { type }]) => [field, type]));
    created.registerType(name, { fields: types });
    created.registerVariable(name, name);
  }
  for (const [name, { type }] of Object.entries(values)) created.registerVariable(name, type);
  created.registerFunction('ip_in(string, list<string>): bool', neverCalled);
  created.registerFunction('timestamp(double): google.protobuf.Timestamp', neverCalled);
  created.registerFunction('int(google.protobuf.Timestamp): int', neverCalled);
  created.registerFunction('string(google.protobuf.Timestamp): string', neverCalled);
  created.registerFunction('string(google.protobuf.Duration): string', neverCalled);
  return created;
}

function neverCalled(): never {
  throw new Error('functions are declared here for the type checker alone');
}

function explain(source: string, error: unknown): Error {
  const whole: Span = { start: 0, end: source.length };
  // Only a chain of `!` or `-` nests without being counted by the limits.
  if (error instanceof RangeError) return sourceError(source, whole, 'the expression is nested too deeply');
  if (!(error instanceof ParseError || error instanceof TypeProblem)) {
    const why = messageOf(error);
    return sourceError(source, whole, `the expression cannot be checked: ${lowerFirst(why)}`);
  }
  const span: Span = error.range ?? whole;
  const node = error.node;
  if (error.code === 'limit_exceeded') return sourceError(source, span, limitMessage(error.summary));
  if (error.code === 'unknown_variable' && typeof node?.args === 'string') {
    const hint = suggestion(node.args, [...Object.keys(groups), ...Object.keys(values)]);
    return sourceError(source, span, `unknown name ${JSON.stringify(node.args)}`, hint);
  }
  if (error.code === 'no_such_key' && node?.op === '.') return unknownField(source, node as ASTNode);
  if (error.code === 'no_matching_overload') return noOverload(source, span, node as ASTNode, error.summary);
  return sourceError(source, span, lowerFirst(error.summary));
}

function limitMessage(summary: string): string {
  if (summary.includes('maxDepth')) return `the expression is nested deeper than ${limits.maxDepth} levels`;
  if (summary.includes('maxAstNodes')) return `the expression has more than ${limits.maxAstNodes} parts`;
  if (summary.includes('maxListElements')) return `the list has more than ${limits.maxListElements} elements`;
  if (summary.includes('maxMapEntries')) return `the map has more than ${limits.maxMapEntries} entries`;
  return `the call has more than ${limits.maxCallArguments} arguments`;
}

function unknownField(source: string, node: ASTNode): Error {
  const [owner, field] = node.args as [ASTNode, string];
  const fields = owner.op === 'id' ? Object.keys(groups[owner.args] ?? {}) : [];
  const place = { start: node.pos, end: node.end };
  const of = source.slice(owner.start, owner.end);
  return sourceError(source, place, `${of} has no field ${JSON.stringify(field)}`, suggestion(field, fields));
}

function noOverload(source: string, span: Span, node: ASTNode | undefined, summary: string): Error {
  const name = node?.op === 'call' || node?.op === 'rcall' ? node.args[0] : undefined;
  const known = functionNames();
  if (name === undefined || known.includes(name)) return sourceError(source, span, lowerFirst(summary));
  return sourceError(source, span, `unknown function ${JSON.stringify(name)}`, suggestion(name, known));
}

/** Every function, method and macro that an expression may call. */
export function functionNames(): string[] {
  const keys = [...Object.keys(functions), ...Object.keys(methods), ...Object.keys(macros)];
  return [...new Set([...keys.map((key) => key.replace(/\/.*/, '')), 'has', 'ip_in', 'matches'])].sort();
}

function lowerFirst(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}
