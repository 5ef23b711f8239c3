import type { ExpressionContext } from './context.ts';
import type { Form } from './forms.ts';
import type { Code } from './frame.ts';
import type { Field } from './names.ts';
import type { Part, Written } from './part.ts';
import type { PatternCompiler } from './pattern.ts';
import type { Span } from './source-error.ts';
import type { Node, NodeOf } from './syntax.ts';
import type { Type } from './types.ts';

export interface Variable {
  readonly type: Type;
  readonly form: Form | undefined;
  readonly written: readonly Written[] | undefined;
}

/** What calls, address checks and checks of literals need from the compiler. */
export interface Compilation {
  readonly compilePattern: PatternCompiler | undefined;
  /** The number of nodes compiled so far. */
  readonly nodes: number;
  compile(node: Node): Part;
  /** Compiles a body that sees a macro variable. */
  withVariable<Result>(name: string, variable: Variable, compileBody: (slot: number) => Result): Result;
  /** The field that `request.path` names; undefined if the node does not name a field. */
  field(node: NodeOf<'select'>): Field<ExpressionContext> | undefined;
  /** Compiles the map from which a field is selected. */
  compileOwner(owner: Node, node: NodeOf<'select'>): Part;
  error(span: Span, message: string, hint?: string): Error;
  /** Reports something that is probably not meant. */
  warn(span: Span, message: string, hint?: string): void;
  /** The source of a node, for messages. */
  excerpt(node: Span): string;
  /** Evaluates code that depends on nothing, or returns why it cannot. */
  fold(code: Code, type: Type): Part | string;
}
