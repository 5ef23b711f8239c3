/** A problem in a text and its index. Never quotes the text, which may contain a secret. */
export class JsonProblem extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.name = 'JsonProblem';
    this.offset = offset;
  }
}

export interface Json {
  readonly value: unknown;
  /** The index where a key, or an item of a list or map, begins in `value`. */
  offsetOf(container: unknown, key: string | number): number | undefined;
}

const maxDepth = 64;
const blank = /[ \t\n\r]*/y;
const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const string = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const words: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['true', true],
  ['false', false],
  ['null', null],
]);
const word = /[a-z]+/y;

/**
 * Reads JSON (RFC 8259) strictly. Unlike JSON.parse it reports the place of a problem, and refuses repeated keys.
 *
 * @throws JsonProblem
 */
export function readJson(text: string): Json {
  return new Reader(text).read();
}

class Reader implements Json {
  value: unknown = undefined;
  readonly #text: string;
  readonly #places = new Map<unknown, Map<string | number, number>>();
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): Json {
    this.value = this.#value(0);
    this.#skip();
    if (this.#at < this.#text.length) this.#fail('there is something after the end');
    return this;
  }

  offsetOf(container: unknown, key: string | number): number | undefined {
    return this.#places.get(container)?.get(key);
  }

  #value(depth: number): unknown {
    if (depth > maxDepth) this.#fail(`it is nested deeper than ${maxDepth} levels`);
    this.#skip();
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth);
      case '[':
        return this.#array(depth);
      case '"':
        return this.#string();
      default:
        return this.#scalar();
    }
  }

  #object(depth: number): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    const places = this.#open(object);
    if (this.#closes('}')) return object;
    do {
      this.#skip();
      const offset = this.#at;
      const key = this.#text[offset] === '"' ? this.#string() : this.#fail('expected a key in double quotes');
      if (places.has(key)) this.#fail('this key is repeated', offset);
      places.set(key, offset);
      this.#skip();
      if (this.#text[this.#at] !== ':') this.#fail('expected a colon');
      this.#at += 1;
      // An assignment to __proto__ would set the prototype instead.
      Object.defineProperty(object, key, {
        value: this.#value(depth + 1),
        configurable: true,
        enumerable: true,
        writable: true,
      });
    } while (this.#continues('}'));
    return object;
  }

  #array(depth: number): unknown[] {
    const array: unknown[] = [];
    const places = this.#open(array);
    if (this.#closes(']')) return array;
    do {
      this.#skip();
      places.set(array.length, this.#at);
      array.push(this.#value(depth + 1));
    } while (this.#continues(']'));
    return array;
  }

  #open(container: object): Map<string | number, number> {
    const places = new Map<string | number, number>();
    this.#places.set(container, places);
    this.#at += 1;
    return places;
  }

  #closes(end: '}' | ']'): boolean {
    this.#skip();
    if (this.#text[this.#at] !== end) return false;
    this.#at += 1;
    return true;
  }

  #continues(end: '}' | ']'): boolean {
    if (this.#closes(end)) return false;
    if (this.#text[this.#at] !== ',') this.#fail(`expected a comma or ${end}`);
    this.#at += 1;
    return true;
  }

  #string(): string {
    const token =
      this.#match(string) ?? this.#fail('this string is not closed, or has a character that must be escaped');
    return JSON.parse(token) as string;
  }

  #scalar(): unknown {
    const offset = this.#at;
    const digits = this.#match(number);
    if (digits !== undefined) return Number(digits);
    const name = this.#match(word);
    if (name !== undefined && words.has(name)) return words.get(name);
    return this.#fail(
      'expected a value: a map, a list, a string in double quotes, a number, true, false or null',
      offset,
    );
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #skip(): void {
    this.#match(blank);
  }

  #fail(message: string, offset = this.#at): never {
    throw new JsonProblem(message, offset);
  }
}
