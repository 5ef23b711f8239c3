import { suggestion } from '../suggestion.ts';
import { item, member, readField } from './access.ts';
import { compileCall } from './calls.ts';
import type { ASTNode } from './dialect.ts';
import { EvaluationError } from './errors.ts';
import type { Code } from './frame.ts';
import { truth } from './macros.ts';
import { type Field, groups, values } from './names.ts';
import { binaryOperators, int, negate, not } from './operators.ts';
import { constant, isConstant, type Part } from './part.ts';
import type { PatternCompiler } from './pattern.ts';
import { quickComparison } from './quick-comparison.ts';
import { sourceError } from './source-error.ts';
import { kindOf } from './values.ts';

type NodeOf<Op extends ASTNode['op']> = Extract<ASTNode, { readonly op: Op }>;

/** Turns the checked tree of one expression into closures. */
export class Compiler {
  readonly source: string;
  readonly compilePattern: PatternCompiler | undefined;
  /** Macro variables in scope, to their slots. */
  readonly #variables = new Map<string, number>();
  #depth = 0;
  #slots = 0;
  #nodes = 0;

  constructor(source: string, compilePattern: PatternCompiler | undefined) {
    this.source = source;
    this.compilePattern = compilePattern;
  }

  /** How many slots a frame needs. */
  get slots(): number {
    return this.#slots;
  }

  /** How many nodes were compiled so far. */
  get nodes(): number {
    return this.#nodes;
  }

  compile(node: ASTNode): Part {
    this.#nodes += 1;
    switch (node.op) {
      case 'value':
        return this.#literal(node);
      case 'id':
        return this.#name(node);
      case '.':
        return this.#select(node);
      case '[]':
        return this.#index(node);
      case 'call':
      case 'rcall':
        return compileCall(this, node);
      case 'list':
        return this.#list(node);
      case 'map':
        return this.#map(node);
      case '?:':
        return this.#conditional(node);
      case '&&':
        return this.#logical(node, false);
      case '||':
        return this.#logical(node, true);
      case '!_':
        return this.#unary(node.args, not);
      case '-_':
        return this.#minus(node);
      default:
        return this.#binary(node);
    }
  }

  /** Compiles what sees a macro variable. */
  withVariable<Result>(name: string, compileBody: (slot: number) => Result): Result {
    const hidden = this.#variables.get(name);
    const slot = this.#depth;
    this.#variables.set(name, slot);
    this.#depth += 1;
    this.#slots = Math.max(this.#slots, this.#depth);
    const result = compileBody(slot);
    this.#depth -= 1;
    if (hidden === undefined) this.#variables.delete(name);
    else this.#variables.set(name, hidden);
    return result;
  }

  /** The field that `request.path` names, or undefined when the node is no such thing. */
  field(node: NodeOf<'.'>): Field | undefined {
    const [owner, name] = node.args;
    if (owner.op !== 'id' || this.#variables.has(owner.args) || !Object.hasOwn(groups, owner.args))
      return undefined;
    const fields = groups[owner.args] ?? {};
    if (Object.hasOwn(fields, name)) return fields[name];
    const message = `${owner.args} has no field ${JSON.stringify(name)}`;
    throw this.error({ start: node.pos, end: node.end }, message, suggestion(name, Object.keys(fields)));
  }

  error(span: { readonly start: number; readonly end: number }, message: string, hint?: string): Error {
    return sourceError(this.source, span, message, hint);
  }

  /** The source of a node, for messages. */
  excerpt(node: ASTNode): string {
    const text = this.source.slice(node.start, node.end);
    return text.length > 60 ? `${text.slice(0, 60)}…` : text;
  }

  #literal(node: NodeOf<'value'>): Part {
    const value = node.args;
    if (typeof value === 'object' && value !== null)
      throw this.error(node, 'bytes and unsigned integers have no use here; write a text or an integer');
    try {
      return constant(typeof value === 'bigint' ? int(value) : value);
    } catch (error) {
      throw this.error(node, (error as Error).message);
    }
  }

  #name(node: NodeOf<'id'>): Part {
    const name = node.args;
    const slot = this.#variables.get(name);
    if (slot !== undefined) return { code: (frame) => frame.slots[slot] };
    const field = Object.hasOwn(values, name) ? values[name] : undefined;
    if (field !== undefined) return readField(name, field);
    const fields = Object.hasOwn(groups, name) ? Object.keys(groups[name] ?? {}) : undefined;
    if (fields === undefined) throw this.error(node, `unknown name ${JSON.stringify(name)}`);
    throw this.error(node, `${name} is no value by itself`, `name one of its fields: ${fields.join(', ')}`);
  }

  #select(node: NodeOf<'.'>): Part {
    const field = this.field(node);
    if (field !== undefined) return readField(this.excerpt(node), field);
    const [owner, key] = node.args;
    const { code } = this.compile(owner);
    const where = this.excerpt(owner);
    return {
      code: function select(frame) {
        return member(code(frame), key, where);
      },
    };
  }

  #index(node: NodeOf<'[]'>): Part {
    const [owner, key] = node.args;
    const container = this.compile(owner).code;
    const index = this.compile(key).code;
    const where = this.excerpt(owner);
    return {
      code: function at(frame) {
        const value = container(frame);
        return Array.isArray(value) ? item(value, index(frame), where) : member(value, index(frame), where);
      },
    };
  }

  #list(node: NodeOf<'list'>): Part {
    const parts = node.args.map((element) => this.compile(element));
    if (parts.every(isConstant)) return constant(Object.freeze(parts.map((part) => part.constant.value)));
    const codes = parts.map(({ code }) => code);
    return { code: (frame) => codes.map((code) => code(frame)) };
  }

  #map(node: NodeOf<'map'>): Part {
    const entries = node.args.map(
      ([key, value]) => [this.compile(key).code, this.compile(value).code] as const,
    );
    return {
      code: function buildMap(frame) {
        const map = new Map<unknown, unknown>();
        for (const [keyCode, valueCode] of entries) {
          const key = keyCode(frame);
          if (!['string', 'int', 'bool'].includes(kindOf(key)))
            throw new EvaluationError(`a ${kindOf(key)} is no key`);
          if (map.has(key)) throw new EvaluationError('a map has the same key twice');
          map.set(key, valueCode(frame));
        }
        return map;
      },
    };
  }

  #conditional(node: NodeOf<'?:'>): Part {
    const [condition, yes, no] = node.args.map((part) => this.compile(part).code) as [Code, Code, Code];
    return { code: (frame) => (truth(condition(frame)) ? yes(frame) : no(frame)) };
  }

  /** `&&` (decided by false) and `||` (by true): an error on one side counts only when the other does not decide. */
  #logical(node: NodeOf<'&&' | '||'>, decisive: boolean): Part {
    const [left, right] = node.args.map((part) => this.compile(part).code) as [Code, Code];
    return {
      code: function decide(frame) {
        let failure: EvaluationError | undefined;
        try {
          if (truth(left(frame)) === decisive) return decisive;
        } catch (error) {
          if (!(error instanceof EvaluationError)) throw error;
          failure = error;
        }
        const value = truth(right(frame));
        if (failure !== undefined && value !== decisive) throw failure;
        return value;
      },
    };
  }

  #unary(operand: ASTNode, operate: (value: unknown) => unknown): Part {
    const { code } = this.compile(operand);
    return { code: (frame) => operate(code(frame)) };
  }

  #minus(node: NodeOf<'-_'>): Part {
    const operand = node.args;
    if (operand.op !== 'value' || typeof operand.args === 'object') return this.#unary(operand, negate);
    // Folded here, because the least integer has no positive counterpart that could be read first.
    try {
      return constant(negate(operand.args));
    } catch (error) {
      throw this.error(node, (error as Error).message);
    }
  }

  #binary(node: ASTNode): Part {
    const operate = binaryOperators[node.op];
    if (operate === undefined) throw this.error(node, `${node.op} has no use here`);
    const [left, right] = (node.args as [ASTNode, ASTNode]).map((part) => this.compile(part)) as [Part, Part];
    const quick = quickComparison(node.op, left, right);
    if (quick !== undefined) return { code: quick };
    return { code: (frame) => operate(left.code(frame), right.code(frame), frame) };
  }
}
