import type { Compilation } from './compilation.ts';
import type { Form, Never, Where } from './forms.ts';
import { type Part, writtenIn } from './part.ts';
import type { BinaryOperator, Node } from './syntax.ts';

/** Refuses a comparison with a literal that no request can equal. */
export function checkComparison(
  compiler: Compilation,
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
  for (const { value, node } of right.writtenItems ?? []) {
    const never = left.form?.whole(value);
    if (never !== undefined) report(compiler, never, node);
  }
}

/** Refuses a literal outside the form of the value that it is compared with. */
export function checkWhole(compiler: Compilation, form: Form | undefined, part: Part, node: Node): void {
  if (form !== undefined) checkEach(compiler, part, node, form.whole);
}

export function checkPart(
  compiler: Compilation,
  method: Where,
  text: Part | undefined,
  part: Part | undefined,
  node: Node | undefined,
): void {
  const judge = text?.form?.part;
  if (judge === undefined || part === undefined || node === undefined) return;
  checkEach(compiler, part, node, (literal) =>
    typeof literal === 'string' ? judge(literal, method) : undefined,
  );
}

/** If the value can be one of several literals, some may be meant for another comparison: an error only if none can ever be equal. */
function checkEach(
  compiler: Compilation,
  part: Part,
  node: Node,
  judge: (literal: unknown) => Never | undefined,
): void {
  const written = writtenIn(part, node);
  const nevers = written.map(({ value }) => judge(value));
  const certain = nevers.every((never) => never !== undefined);
  for (const [at, never] of nevers.entries())
    if (never !== undefined)
      report(compiler, certain ? never : { ...never, seldom: true }, written[at]?.node ?? node);
}

function report(compiler: Compilation, { message, hint, seldom }: Never, node: Node): void {
  if (!seldom) throw compiler.error(node, message, hint);
  compiler.warn(node, message, hint);
}
