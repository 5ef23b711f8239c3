import { suggestion } from '../../base/suggestion.ts';
import { item, member, readField } from './access.ts';
import { compileCall } from './calls.ts';
import type { Compilation, Variable } from './compilation.ts';
import type { ExpressionContext } from './context.ts';
import { EvaluationError, StepLimitExceeded } from './errors.ts';
import type { ExpressionWarn } from './expression.ts';
import { checkComparison, checkWhole } from './form-check.ts';
import { type Code, Frame } from './frame.ts';
import { truth } from './macros.ts';
import { type AnyNames, type Field, isGroup } from './names.ts';
import { binaryOperators, binaryType, mixedNumbers, negate, not } from './operators.ts';
import { levels } from './parser.ts';
import { constant, isConstant, type Part, type Written, writtenIn } from './part.ts';
import type { PatternCompiler } from './pattern.ts';
import { quickComparison } from './quick-comparison.ts';
import { type Span, sourceError } from './source-error.ts';
import type { Node, NodeOf } from './syntax.ts';
import { comparable, fits, isNumeric, joined, listOf, mapOf, type Type, typeText } from './types.ts';
import { kindOf } from './values.ts';

/** Turns the tree of one expression into closures and checks its types on the way. */
export class Compiler implements Compilation {
  readonly source: string;
  readonly names: AnyNames;
  readonly compilePattern: PatternCompiler | undefined;
  readonly #warn: ExpressionWarn;
  /** Macro variables in scope. */
  readonly #variables = new Map<string, Variable & { readonly slot: number }>();
  #depth = 0;
  #slots = 0;
  #nodes = 0;

  constructor(
    source: string,
    names: AnyNames,
    compilePattern: PatternCompiler | undefined,
    warn: ExpressionWarn,
  ) {
    this.source = source;
    this.names = names;
    this.#warn = warn;
    this.compilePattern = compilePattern;
  }

  /** The number of slots that a frame needs. */
  get slots(): number {
    return this.#slots;
  }

  /** The number of nodes compiled so far. */
  get nodes(): number {
    return this.#nodes;
  }

  compile(node: Node): Part {
    this.#nodes += 1;
    switch (node.kind) {
      case 'literal':
        return constant(node.value, kindOf(node.value) as Type);
      case 'name':
        return this.#name(node);
      case 'select':
        return this.#select(node);
      case 'index':
        return this.#index(node);
      case 'call':
        return compileCall(this, node);
      case 'list':
        return this.#list(node);
      case 'map':
        return this.#map(node);
      case 'unary':
        return this.#unary(node);
      case 'conditional':
        return this.#conditional(node);
      default:
        return this.#binary(node);
    }
  }

  /** Compiles a body that sees a macro variable. */
  withVariable<Result>(name: string, variable: Variable, compileBody: (slot: number) => Result): Result {
    const hidden = this.#variables.get(name);
    const slot = this.#depth;
    this.#variables.set(name, { ...variable, slot });
    this.#depth += 1;
    this.#slots = Math.max(this.#slots, this.#depth);
    const result = compileBody(slot);
    this.#depth -= 1;
    if (hidden === undefined) this.#variables.delete(name);
    else this.#variables.set(name, hidden);
    return result;
  }

  /** The field that `request.path` names; undefined if the node does not name a field. */
  field({ owner, field, fieldSpan }: NodeOf<'select'>): Field<ExpressionContext> | undefined {
    if (owner.kind !== 'name' || this.#variables.has(owner.name)) return undefined;
    const named = this.#named(owner.name);
    if (named === undefined || !isGroup(named)) return undefined;
    const { fields } = named;
    if (Object.hasOwn(fields, field)) return fields[field];
    const message = `${owner.name} has no field ${JSON.stringify(field)}`;
    throw this.error(fieldSpan, message, suggestion(field, Object.keys(fields)));
  }

  /** Compiles the map from which a field is selected. */
  compileOwner(owner: Node, { field, fieldSpan }: NodeOf<'select'>): Part {
    const part = this.compile(owner);
    const { type } = part;
    if (type !== 'dyn' && !(typeof type === 'object' && 'map' in type && comparable('string', type.map[0])))
      throw this.error(fieldSpan, `${this.excerpt(owner)} is ${typeText(type)} and has no fields`);
    checkWhole(this, part.keyForm, constant(field, 'string'), {
      kind: 'literal',
      value: field,
      ...fieldSpan,
    });
    return part;
  }

  error(span: Span, message: string, hint?: string): Error {
    return sourceError(this.source, span, message, hint);
  }

  /** Reports something that is probably not meant. */
  warn(span: Span, message: string, hint?: string): void {
    this.#warn(sourceError(this.source, span, message).message, hint);
  }

  /** The source of a node, for messages. */
  excerpt(node: Span): string {
    const text = this.source.slice(node.start, node.end);
    return text.length > 60 ? `${text.slice(0, 60)}…` : text;
  }

  /** Evaluates code that depends on nothing, or returns why it cannot. */
  fold(code: Code, type: Type): Part | string {
    try {
      return constant(code(new Frame({ expressionSteps: 0 }, [])), type);
    } catch (error) {
      if (error instanceof EvaluationError || error instanceof StepLimitExceeded) return error.message;
      throw error;
    }
  }

  /** An error between constants counts only if it is evaluated: `1 / 0 == 1 || true` is true. */
  #folded(parts: readonly Part[], code: Code, type: Type): Part {
    const folded = parts.every(isConstant) ? this.fold(code, type) : undefined;
    return typeof folded === 'object' ? folded : { code, type };
  }

  #name(node: NodeOf<'name'>): Part {
    const { name } = node;
    const variable = this.#variables.get(name);
    if (variable !== undefined) {
      const { slot, type, form, written } = variable;
      return { code: (frame) => frame.slots[slot], type, form, written };
    }
    const named = this.#named(name);
    if (named === undefined) throw this.#unknownName(node);
    if (!isGroup(named)) return readField(name, named);
    const fields = Object.keys(named.fields).join(', ');
    throw this.error(node, `${name} is not a value by itself`, `name one of its fields: ${fields}`);
  }

  #named(name: string): AnyNames[string] | undefined {
    return Object.hasOwn(this.names, name) ? this.names[name] : undefined;
  }

  #unknownName(node: NodeOf<'name'>): Error {
    const { name } = node;
    const known = [...this.#variables.keys(), ...Object.keys(this.names)];
    const lower = name.toLowerCase();
    const constants = /^(?:true|false|null)$/.test(lower) ? `write ${lower}` : undefined;
    const nothing = /^(?:none|nil|undefined)$/.test(lower)
      ? 'ask with has(…), or compare with null'
      : undefined;
    return this.error(
      node,
      `unknown name ${JSON.stringify(name)}`,
      constants ?? nothing ?? this.#hyphenHint(node) ?? suggestion(name, known),
    );
  }

  /** `request.headers.x-team` is a subtraction. */
  #hyphenHint({ start, end }: Span): string | undefined {
    const before = /\brequest\.headers\.([a-z0-9_-]*-)$/i.exec(this.source.slice(0, start))?.[1];
    if (before === undefined) return undefined;
    const rest = /^(?:-[a-z0-9_-]+)?/i.exec(this.source.slice(end))?.[0];
    const header = `${before}${this.source.slice(start, end)}${rest}`.toLowerCase();
    return `a hyphen subtracts; write request.headers['${header}']`;
  }

  #select(node: NodeOf<'select'>): Part {
    const field = this.field(node);
    if (field !== undefined) return readField(this.excerpt(node), field);
    const { owner, field: key } = node;
    const { code, type } = this.compileOwner(owner, node);
    const where = this.excerpt(owner);
    const asked = JSON.stringify(key);
    return {
      type: typeof type === 'object' && 'map' in type ? type.map[1] : 'dyn',
      code: function select(frame) {
        return member(code(frame), key, where, asked, frame);
      },
    };
  }

  #index(node: NodeOf<'index'>): Part {
    const { owner, key } = node;
    const container = this.compile(owner);
    const index = this.compile(key);
    const type = this.#indexedType(node, container.type, index.type);
    checkWhole(this, container.keyForm, index, key);
    const where = this.excerpt(owner);
    const asked = this.excerpt(key);
    return {
      type,
      code: function at(frame) {
        const value = container.code(frame);
        return Array.isArray(value)
          ? item(value, index.code(frame), where)
          : member(value, index.code(frame), where, asked, frame);
      },
    };
  }

  #indexedType(node: NodeOf<'index'>, owner: Type, key: Type): Type {
    if (owner === 'dyn') return 'dyn';
    const where = this.excerpt(node.owner);
    if (typeof owner === 'string')
      throw this.error(
        node,
        `${where} is ${owner} and has no items`,
        owner === 'string' ? 'for a part of a string write text.substring(0, 1)' : undefined,
      );
    if ('list' in owner) {
      if (fits(key, 'int')) return owner.list;
      throw this.error(node.key, `${where} is a list; its index is ${typeText(key)}, not int`);
    }
    if (comparable(key, owner.map[0])) return owner.map[1];
    throw this.error(node.key, `${where} is ${typeText(owner)}; its keys are not ${typeText(key)}`);
  }

  #list({ items }: NodeOf<'list'>): Part {
    const parts = items.map((one) => this.compile(one));
    const codes = parts.map(({ code }) => code);
    const type = listOf(joined(parts.map((part) => part.type)));
    function buildList(frame: Frame): unknown[] {
      frame.spend(8 + codes.length * 6);
      return codes.map((code) => code(frame));
    }
    return { ...this.#folded(parts, buildList, type), writtenItems: constantsIn(parts, items) };
  }

  #map({ entries }: NodeOf<'map'>): Part {
    const parts = entries.map(([key, value]) => [this.compile(key), this.compile(value)] as const);
    for (const [at, [{ type }]] of parts.entries())
      if (!['string', 'int', 'bool'].some((kind) => fits(type, kind as Type)))
        throw this.error((entries[at] as readonly [Node, Node])[0], `${typeText(type)} cannot be a key`);
    function buildMap(frame: Frame): Map<unknown, unknown> {
      const map = new Map<unknown, unknown>();
      frame.spend(parts.length * 10);
      for (const [keyPart, valuePart] of parts) {
        const key = keyPart.code(frame);
        if (!['string', 'int', 'bool'].includes(kindOf(key)))
          throw new EvaluationError(`${kindOf(key)} cannot be a key`);
        if (map.has(key)) throw new EvaluationError('a map has the same key twice');
        map.set(key, valuePart.code(frame));
      }
      return map;
    }
    const types = [0, 1].map((at) => joined(parts.map((pair) => (pair[at] as Part).type))) as [Type, Type];
    const keys = constantsIn(
      parts.map(([key]) => key),
      entries.map(([key]) => key),
    );
    return { ...this.#folded(parts.flat(), buildMap, mapOf(...types)), writtenItems: keys };
  }

  #conditional({ condition, yes, no }: NodeOf<'conditional'>): Part {
    const [test, first, second] = [condition, yes, no].map((part) => this.compile(part)) as [
      Part,
      Part,
      Part,
    ];
    if (!fits(test.type, 'bool'))
      throw this.error(condition, `the condition gives ${typeText(test.type)}; it must give bool`);
    return {
      type: joined([first.type, second.type]),
      written: [...writtenIn(first, yes), ...writtenIn(second, no)],
      code: (frame) => (truth(test.code(frame)) ? first.code(frame) : second.code(frame)),
    };
  }

  #unary(node: NodeOf<'unary'>): Part {
    const { operator, operand } = node;
    const part = this.compile(operand);
    const { code, type } = part;
    if (operator === '!' ? !fits(type, 'bool') : type !== 'dyn' && !isNumeric(type))
      throw this.error(node, `${operator} does not take ${typeText(type)}`);
    const operate = operator === '!' ? not : negate;
    return this.#folded([part], (frame) => operate(code(frame)), operator === '!' ? 'bool' : type);
  }

  #binary(node: NodeOf<'binary'>): Part {
    const { operator } = node;
    const left = this.compile(node.left);
    const right = this.compile(node.right);
    const type = binaryType(operator, left.type, right.type);
    if (type === undefined) throw this.#wrongOperands(node, left.type, right.type);
    if (operator === '&&') return { type, code: decide(left.code, right.code, false) };
    if (operator === '||') return { type, code: decide(left.code, right.code, true) };
    checkComparison(this, operator, [left, node.left], [right, node.right]);
    const quick = quickComparison(operator, left, right);
    if (quick !== undefined) return { type, code: quick };
    const operate = binaryOperators[operator];
    const part = this.#folded(
      [left, right],
      (frame) => operate(left.code(frame), right.code(frame), frame),
      type,
    );
    return operator === '+'
      ? { ...part, writtenItems: [...(left.writtenItems ?? []), ...(right.writtenItems ?? [])] }
      : part;
  }

  #wrongOperands(node: NodeOf<'binary'>, left: Type, right: Type): Error {
    const { operator } = node;
    const kinds = `${typeText(left)} and ${typeText(right)}`;
    if (operator === '&&' || operator === '||')
      return this.error(node, `${operator} takes two bool, not ${kinds}`);
    return this.error(node, `${operator} does not take ${kinds}`, this.#operandHint(node, [left, right]));
  }

  #operandHint({ operator, left }: NodeOf<'binary'>, types: readonly Type[]): string | undefined {
    if (levels[operator] === levels['=='] && left.kind === 'binary' && levels[left.operator] === levels['=='])
      return 'comparisons are evaluated from left to right; add parentheses';
    if (types.includes('null') && /^[!=]=$/.test(operator)) return 'ask whether it is known with has(…)';
    if (types.every(isNumeric)) return mixedNumbers;
    const other = types.includes('string') ? types.find((type) => type !== 'string') : undefined;
    if (typeof other === 'object' && 'list' in other) return "ask for one of its items: 'x' in list";
    return other === 'timestamp' || other === 'duration' ? `convert the string: ${other}('…')` : undefined;
  }
}

function constantsIn(parts: readonly Part[], nodes: readonly Node[]): readonly Written[] {
  return parts.flatMap((part, at) => (isConstant(part) ? writtenIn(part, nodes[at] as Node) : []));
}

/** `&&` (decided by false) and `||` (by true): an error on one side counts only if the other side does not decide. */
function decide(left: Code, right: Code, decisive: boolean): Code {
  return function decideLogically(frame) {
    let failure: EvaluationError | undefined;
    try {
      if (truth(left(frame)) === decisive) return decisive;
    } catch (error) {
      failure = frame.caught(error);
    }
    const value = truth(right(frame));
    if (failure !== undefined && value !== decisive) throw failure;
    return value;
  };
}
