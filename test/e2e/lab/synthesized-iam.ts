import type { SynthesizedStack } from './synthesized.ts';

/** One statement of a policy, with its references resolved. */
export interface Statement {
  readonly effect: string;
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly conditions: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/** Who wants what. */
export interface Wish {
  readonly principalArn: string;
  readonly action: string;
  readonly resource: string;
}

type Keys = Readonly<Record<string, string>>;

/**
 * The statements of a policy document.
 *
 * @throws Error for an element that is not known here, so that none is passed over: principals other than everyone, Not…
 */
export function statementsOf(document: unknown): readonly Statement[] {
  const { Statement } = document as { readonly Statement: readonly Readonly<Record<string, unknown>>[] };
  return Statement.map(({ Effect, Action, Resource, Condition = {}, Principal, Sid: _sid, ...rest }) => {
    const unknown = Object.keys(rest);
    if (unknown.length > 0) throw new Error(`the policy has ${unknown.join(', ')}, which is not known here`);
    const everyone = Principal === undefined || JSON.stringify(Principal) === '{"AWS":"*"}';
    if (!everyone) throw new Error(`the policy is for ${JSON.stringify(Principal)}, which is not known here`);
    return {
      effect: String(Effect),
      actions: [Action].flat() as string[],
      resources: [Resource].flat() as string[],
      conditions: Condition as Statement['conditions'],
    };
  });
}

/**
 * Whether a role may do something to a resource of its own account: an explicit refusal in either policy counts, and otherwise one
 * admission of the role's own.
 *
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
export function allows(
  own: readonly Statement[],
  wish: Wish,
  ofResource: readonly Statement[] = [],
): boolean {
  const keys = { 'aws:PrincipalArn': wish.principalArn };
  const applying = [...own, ...ofResource].filter((statement) => applies(statement, wish, keys));
  const admitted = own.some((statement) => statement.effect === 'Allow' && applies(statement, wish, keys));
  return admitted && !applying.some(({ effect }) => effect === 'Deny');
}

/**
 * Whether a service of AWS may invoke a function by the template's permissions.
 *
 * https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html
 */
export function mayInvoke(
  stack: SynthesizedStack,
  service: string,
  functionArn: string,
  source: { readonly arn?: string; readonly account: string },
): boolean {
  return stack.all('AWS::Lambda::Permission').some(([, { Properties }]) => {
    const { Action, FunctionName, Principal, SourceArn, SourceAccount, ...rest } = Properties;
    const unknown = Object.keys(rest);
    if (unknown.length > 0)
      throw new Error(`the permission has ${unknown.join(', ')}, which is not known here`);
    if (Action !== 'lambda:InvokeFunction' || Principal !== service) return false;
    if (stack.text(FunctionName) !== functionArn) return false;
    if (SourceAccount !== undefined && stack.text(SourceAccount) !== source.account) return false;
    return SourceArn === undefined || glob(stack.text(SourceArn)).test(source.arn ?? '');
  });
}

function applies(
  { actions, resources, conditions }: Statement,
  { action, resource }: Wish,
  keys: Keys,
): boolean {
  const matches = (patterns: readonly string[], text: string) =>
    patterns.some((pattern) => glob(pattern).test(text));
  return (
    matches(actions, action) &&
    matches(resources, resource) &&
    Object.entries(conditions).every(([operator, tests]) =>
      Object.entries(tests).every(([key, values]) => holds(operator, key, [values].flat() as string[], keys)),
    )
  );
}

function holds(operator: string, key: string, values: readonly string[], keys: Keys): boolean {
  const actual = keys[key];
  if (actual === undefined) throw new Error(`the condition key ${key} is not known here`);
  const like = values.some((value) => glob(value).test(actual));
  if (operator === 'ArnEquals' || operator === 'ArnLike') return like;
  if (operator === 'ArnNotEquals' || operator === 'ArnNotLike') return !like;
  throw new Error(`the condition operator ${operator} is not known here`);
}

/** `*` is any text and `?` any character. */
function glob(pattern: string): RegExp {
  const text = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${text}$`, 's');
}
