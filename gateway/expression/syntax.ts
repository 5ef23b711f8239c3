import type { Span } from './source-error.ts';

export type BinaryOperator =
  | '||'
  | '&&'
  | '=='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | 'in'
  | '+'
  | '-'
  | '*'
  | '/'
  | '%';

interface Shapes {
  readonly literal: { readonly value: null | boolean | bigint | number | string };
  readonly name: { readonly name: string };
  /** `owner.field`; `fieldSpan` is the place of the field. */
  readonly select: { readonly owner: Node; readonly field: string; readonly fieldSpan: Span };
  readonly index: { readonly owner: Node; readonly key: Node };
  readonly call: {
    readonly name: string;
    readonly receiver: Node | undefined;
    readonly args: readonly Node[];
  };
  readonly list: { readonly items: readonly Node[] };
  readonly map: { readonly entries: readonly (readonly [key: Node, value: Node])[] };
  readonly unary: { readonly operator: '!' | '-'; readonly operand: Node };
  readonly binary: { readonly operator: BinaryOperator; readonly left: Node; readonly right: Node };
  readonly conditional: { readonly condition: Node; readonly yes: Node; readonly no: Node };
}

/** A node of one kind, with its place in the source. */
export type NodeOf<Kind extends keyof Shapes> = Span & { readonly kind: Kind } & Shapes[Kind];

/** The tree of an expression (CEL's language definition, syntax). */
export type Node = { [Kind in keyof Shapes]: NodeOf<Kind> }[keyof Shapes];
