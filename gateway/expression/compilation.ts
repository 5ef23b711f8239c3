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

/** What the parts of the compiler need of it: calls, address checks and checks of literals. */
export interface Compilation {
  readonly compilePattern: PatternCompiler | undefined;
  /** How many nodes were compiled so far. */
  readonly nodes: number;
  compile(node: Node): Part;
  /** Compiles what sees a macro variable. */
  withVariable<Result>(name: string, variable: Variable, compileBody: (slot: number) => Result): Result;
  /** The field that `request.path` names, or undefined when the node is no such thing. */
  field(node: NodeOf<'select'>): Field<ExpressionContext> | undefined;
  /** Compiles what a field is selected from: a map. */
  compileOwner(owner: Node, node: NodeOf<'select'>): Part;
  error(span: Span, message: string, hint?: string): Error;
  /** Warns of what is probably not meant. */
  warn(span: Span, message: string, hint?: string): void;
  /** The source of a node, for messages. */
  excerpt(node: Span): string;
  /** Works out what depends on nothing, or says why it cannot be. */
  fold(code: Code, type: Type): Part | string;
}
