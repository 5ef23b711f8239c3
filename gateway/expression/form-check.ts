import type { Compiler } from './compile.ts';
import type { Form, Never } from './forms.ts';
import { isConstant, type Part } from './part.ts';
import type { BinaryOperator, Node } from './syntax.ts';

/** Refuses a comparison with a literal that no request can equal. */
export function checkComparison(
  compiler: Compiler,
  operator: BinaryOperator,
  [left, leftNode]: readonly [Part, Node],
  [right, rightNode]: readonly [Part, Node],
): void {
  if (operator === '==' || operator === '!=') {
    checkWhole(compiler, left.form, right, rightNode);
    checkWhole(compiler, right.form, left, leftNode);
  }
  if (operator !== 'in') return;
  checkWhole(compiler, right.keyForm, left, leftNode);
  const one = rightNode.kind === 'list' ? rightNode.items : undefined;
  const options = one ?? (rightNode.kind === 'map' ? rightNode.entries.map(([key]) => key) : []);
  for (const option of options)
    if (left.form !== undefined && option.kind === 'literal')
      check(compiler, left.form.whole(option.value), option);
}

/** Refuses a literal outside of the form that it is compared with. */
export function checkWhole(compiler: Compiler, form: Form | undefined, part: Part, node: Node): void {
  if (form !== undefined && isConstant(part)) check(compiler, form.whole(part.constant.value), node);
}

export function checkPart(
  compiler: Compiler,
  method: 'startsWith' | 'endsWith' | 'contains',
  text: Part | undefined,
  part: Part | undefined,
  node: Node | undefined,
): void {
  const literal = part?.constant?.value;
  if (typeof literal === 'string' && node !== undefined)
    check(compiler, text?.form?.part?.(literal, method), node);
}

function check(compiler: Compiler, never: Never | undefined, node: Node): void {
  if (never?.seldom) compiler.warn(node, never.message, never.hint);
  else if (never !== undefined) throw compiler.error(node, never.message, never.hint);
}
