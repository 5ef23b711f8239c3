import { type Token, tokenize } from './lexer.ts';
import { type Span, sourceError } from './source-error.ts';
import type { BinaryOperator, Node } from './syntax.ts';

/** The limits on the source. 4,096 characters are also the longest option. */
export const limits = {
  characters: 4_096,
  parts: 1_000,
  depth: 32,
  items: 500,
  entries: 100,
  args: 4,
} as const;

/** The precedence of each operator; operators of one level are evaluated from left to right (CEL's language definition, syntax). */
export const levels: Readonly<Record<BinaryOperator, number>> = {
  '||': 1,
  '&&': 2,
  '==': 3,
  '!=': 3,
  '<': 3,
  '<=': 3,
  '>': 3,
  '>=': 3,
  in: 3,
  '+': 4,
  '-': 4,
  '*': 5,
  '/': 5,
  '%': 5,
};

/** Words that CEL reserves for host languages; they are allowed as fields. */
const reserved =
  /^(?:as|break|const|continue|else|for|function|if|import|let|loop|package|namespace|return|var|void|while)$/;

/** Words that are operators in other languages. */
const wordOperators: Readonly<Record<string, string>> = {
  and: 'write &&',
  or: 'write ||',
  is: 'write ==',
  eq: 'write ==',
  ne: 'write !=',
  not: "write !(value in ['x'])",
  if: 'write condition ? value : other',
};

/** Parses an expression in CEL. @throws ConfigurationError with line and caret */
export function parse(source: string): Node {
  if (source.length > limits.characters) {
    const end = { start: limits.characters, end: limits.characters };
    throw sourceError(
      source,
      end,
      `the expression has ${source.length} characters, the limit is ${limits.characters}`,
    );
  }
  return new Parser(source).parse();
}

function shortened(text: string): string {
  return text.length > 32 ? `${text.slice(0, 32)}…` : text;
}

class Parser {
  readonly #source: string;
  readonly #tokens: readonly Token[];
  #at = 0;
  #parts = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
    this.#tokens = tokenize(source);
  }

  parse(): Node {
    const node = this.#expression();
    const { type, text } = this.#token;
    if (type === 'end') return node;
    throw this.#unexpected(
      type === 'name' ? this.#wordHint(text) : text === ')' ? 'no ( matches it' : undefined,
    );
  }

  get #token(): Token {
    return this.#tokens[this.#at] as Token;
  }

  #next(): Token {
    const token = this.#token;
    this.#at += 1;
    return token;
  }

  /** Consumes an operator if it comes next. */
  #take(text: string): boolean {
    if (this.#token.type !== 'operator' || this.#token.text !== text) return false;
    this.#at += 1;
    return true;
  }

  #expect(text: string): Token {
    const token = this.#token;
    if (this.#take(text)) return token;
    const hint = token.type === 'name' ? this.#wordHint(token.text) : undefined;
    throw this.#unexpected(hint ?? `${text} is missing`);
  }

  #error(span: Span, message: string, hint?: string): Error {
    return sourceError(this.#source, span, message, hint);
  }

  #unexpected(hint?: string): Error {
    const token = this.#token;
    if (token.type !== 'end') return this.#error(token, `unexpected ${JSON.stringify(token.text)}`, hint);
    return this.#error(token, 'the expression ends too early', hint ?? 'a value is missing');
  }

  #wordHint(text: string): string | undefined {
    const lower = text.toLowerCase();
    if (Object.hasOwn(wordOperators, lower)) return wordOperators[lower];
    const method = /^(?:matches|contains|startswith|endswith)$/.exec(lower);
    const spelling = { startswith: 'startsWith', endswith: 'endsWith' }[lower] ?? lower;
    return method === null ? undefined : `it is a method: write text.${spelling}('x')`;
  }

  #node<Made extends Node>(node: Made): Made {
    this.#parts += 1;
    if (this.#parts > limits.parts)
      throw this.#error(node, `the expression has more than ${limits.parts} parts`);
    return node;
  }

  /** Counts the nesting. */
  #inside<Result>(parseInner: () => Result): Result {
    this.#depth += 1;
    if (this.#depth > limits.depth)
      throw this.#error(this.#token, `the expression is nested deeper than ${limits.depth} levels`);
    const result = parseInner();
    this.#depth -= 1;
    return result;
  }

  #expression(): Node {
    const condition = this.#binary(1);
    if (!this.#take('?')) return condition;
    const yes = this.#binary(1);
    this.#expect(':');
    const no = this.#expression();
    return this.#node({ kind: 'conditional', condition, yes, no, start: condition.start, end: no.end });
  }

  #binary(level: number): Node {
    let left = this.#unary();
    for (;;) {
      const { type, text } = this.#token;
      if (type !== 'operator' && text !== 'in') return left;
      const operator = text as BinaryOperator;
      const own = Object.hasOwn(levels, operator) ? levels[operator] : 0;
      if (own < level) return left;
      this.#at += 1;
      const right = this.#binary(own + 1);
      left = this.#node({ kind: 'binary', operator, left, right, start: left.start, end: right.end });
    }
  }

  #unary(): Node {
    const operators: Token[] = [];
    while (this.#token.type === 'operator' && /^[!-]$/.test(this.#token.text)) operators.push(this.#next());
    let sign: Token | undefined;
    if (/^(?:int|double)$/.test(this.#token.type) && operators.at(-1)?.text === '-') sign = operators.pop();
    let node = this.#member(sign);
    for (const { text, start } of operators.reverse())
      node = this.#node({ kind: 'unary', operator: text as '!' | '-', operand: node, start, end: node.end });
    return node;
  }

  #member(sign: Token | undefined): Node {
    let node = this.#primary(sign);
    const depth = this.#depth;
    while (this.#token.type === 'operator' && /^[.[{]$/.test(this.#token.text)) {
      node = this.#inside(() => this.#postfix(node));
      this.#depth += 1;
    }
    this.#depth = depth;
    return node;
  }

  #postfix(owner: Node): Node {
    const { start } = owner;
    if (this.#token.text === '{')
      throw this.#error(
        this.#token,
        'messages are not supported',
        "a map has its keys in quotes: {'key': 1}",
      );
    if (this.#take('[')) {
      this.#refuseOptional();
      const key = this.#expression();
      const { end } = this.#expect(']');
      return this.#node({ kind: 'index', owner, key, start, end });
    }
    this.#at += 1;
    this.#refuseOptional();
    const field = this.#next();
    if (field.type !== 'name' || /^(?:in|null|true|false)$/.test(field.text)) {
      this.#at -= 1;
      throw this.#unexpected('the name of a field is missing');
    }
    if (!this.#take('('))
      return this.#node({
        kind: 'select',
        owner,
        field: field.text,
        fieldSpan: field,
        start,
        end: field.end,
      });
    const { items: args, end } = this.#items(')', limits.args, 'call');
    return this.#node({ kind: 'call', name: field.text, receiver: owner, args, start, end });
  }

  #refuseOptional(): void {
    if (this.#token.text === '?')
      throw this.#error(this.#token, 'optional values are not supported', 'ask with has(value.field) before');
  }

  #primary(sign: Token | undefined): Node {
    const token = this.#next();
    const span = { start: (sign ?? token).start, end: token.end };
    if (token.type === 'string') return this.#node({ kind: 'literal', value: token.value, ...span });
    if (token.type === 'double')
      return this.#node({ kind: 'literal', value: sign ? -token.value : token.value, ...span });
    if (token.type === 'int') {
      const value = sign ? -token.value : token.value;
      if (BigInt.asIntN(64, value) !== value)
        throw this.#error(span, `${shortened(token.text)} is out of range`, 'integers have 64 bits');
      return this.#node({ kind: 'literal', value, ...span });
    }
    if (token.type === 'name') return this.#word(token);
    if (token.text === '(') {
      const inner = this.#inside(() => this.#expression());
      this.#expect(')');
      return inner;
    }
    if (token.text === '[') {
      const { items, end } = this.#items(']', limits.items, 'list');
      return this.#node({ kind: 'list', items, start: token.start, end });
    }
    if (token.text === '{') return this.#map(token);
    this.#at -= 1;
    // A name that begins with a dot would be looked up outside of every macro.
    throw this.#unexpected(token.text === '.' ? 'write the name without the dot' : 'a value is missing');
  }

  #word({ text, start, end }: Token): Node {
    if (text === 'true' || text === 'false')
      return this.#node({ kind: 'literal', value: text === 'true', start, end });
    if (text === 'null') return this.#node({ kind: 'literal', value: null, start, end });
    if (reserved.test(text) || text === 'in')
      throw this.#error({ start, end }, `${text} is a reserved word`, this.#wordHint(text));
    if (text.toLowerCase() === 'not') throw this.#error({ start, end }, 'not is not an operator', 'write !');
    if (!this.#take('(')) return this.#node({ kind: 'name', name: text, start, end });
    const { items: args, end: close } = this.#items(')', limits.args, 'call');
    return this.#node({ kind: 'call', name: text, receiver: undefined, args, start, end: close });
  }

  #items(close: string, most: number, what: string): { items: readonly Node[]; end: number } {
    const items: Node[] = [];
    return this.#inside(() => {
      for (;;) {
        const { text, type, end } = this.#token;
        if (type === 'operator' && text === close && (close === ']' || items.length === 0)) {
          this.#at += 1;
          return { items, end };
        }
        this.#refuseOptional();
        if (items.length === most)
          throw this.#error(
            this.#token,
            `the ${what} has more than ${most} ${what === 'call' ? 'arguments' : 'elements'}`,
          );
        items.push(this.#expression());
        if (this.#take(',')) {
          if (close === ')' && this.#token.text === ')') throw this.#unexpected('a value is missing');
          continue;
        }
        return { items, end: this.#expect(close).end };
      }
    });
  }

  #map({ start }: Token): Node {
    const entries: (readonly [Node, Node])[] = [];
    return this.#inside(() => {
      for (;;) {
        const { end } = this.#token;
        if (this.#take('}')) return this.#node({ kind: 'map', entries, start, end });
        this.#refuseOptional();
        if (entries.length === limits.entries)
          throw this.#error(this.#token, `the map has more than ${limits.entries} entries`);
        const key = this.#expression();
        this.#expect(':');
        entries.push([key, this.#expression()]);
        if (this.#take(',')) continue;
        const close = this.#expect('}');
        return this.#node({ kind: 'map', entries, start, end: close.end });
      }
    });
  }
}
