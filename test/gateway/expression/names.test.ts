import assert from 'node:assert/strict';
import test from 'node:test';
import { maxSteps } from '../../../gateway/expression/frame.ts';
import {
  compileExpression,
  EvaluationError,
  field,
  joinNames,
  type Names,
  StepLimitExceeded,
} from '../../../gateway/expression/index.ts';

/** A context that has nothing of a request. */
interface Delivery {
  expressionSteps: number;
  readonly attempt: number;
  readonly target?: string;
  readonly failures: readonly string[];
  readonly sentMs: number;
}

const names: Names<Delivery> = {
  attempt: field('int', 'How often it was sent.', ({ attempt }) => BigInt(attempt)),
  sent: field('timestamp', 'When it was sent last.', ({ sentMs }) => new Date(sentMs)),
  failures: field({ list: 'string' }, 'Why it failed each time.', ({ failures }) => failures),
  target: {
    fields: { name: field('string', 'Where it goes.', ({ target }) => target) },
  },
};

const delivery = (parts: Partial<Delivery> = {}): Delivery => ({
  expressionSteps: 0,
  attempt: 3,
  target: 'builder',
  failures: ['reset', 'timeout'],
  sentMs: Date.UTC(2030, 0, 31),
  ...parts,
});

const compile = (source: string) => compileExpression(source, { names, result: 'boolean' });

test('expressions read any context by the names that are given for it', async () => {
  for (const source of [
    "attempt == 3 && target.name == 'builder'",
    "failures.exists(why, why == 'timeout')",
    "sent < timestamp('2030-02-01T00:00:00Z') && sent.getFullYear() == 2030",
    'has(target.name)',
  ])
    assert.equal((await compile(source))(delivery()), true, source);
});

test('a name of a request is unknown where no name of a request is given', async () => {
  await assert.rejects(compile("request.method == 'POST'"), /unknown name "request"/);
  await assert.rejects(compile('atempt == 1'), ({ hint }: { hint?: string }) => /attempt/.test(hint ?? ''));
  await assert.rejects(compile("target == 'builder'"), /target is not a value by itself/);
  await assert.rejects(compile("target.nam == 'builder'"), /target has no field "nam"/);
});

test('a value that a context does not have is an error, and has says so', async () => {
  const evaluate = await compile("target.name == 'builder'");
  assert.throws(() => evaluate({ ...delivery(), target: undefined } as never), EvaluationError);
  assert.equal((await compile('has(target.name)'))({ ...delivery(), target: undefined } as never), false);
});

test('all expressions over one context share its steps', async () => {
  const evaluate = await compile("failures.all(why, why != 'x')");
  const one = delivery({ failures: Array<string>(20_000).fill('reset') });
  let rounds = 0;
  assert.throws(() => {
    for (; rounds < 1_000; rounds += 1) evaluate(one);
  }, StepLimitExceeded);
  assert.ok(rounds > 0 && one.expressionSteps > maxSteps);
  assert.equal(evaluate(delivery()), true);
});

test('a name that two contribute is an error that names both', () => {
  const claims: Names<Delivery> = { claims: field('dyn', 'What a token says.', () => ({})) };
  assert.deepEqual(
    Object.keys(
      joinNames([
        ['the request', names],
        ['the plugin jwt', claims],
      ]),
    ),
    [...Object.keys(names), 'claims'],
  );
  assert.throws(
    () =>
      joinNames([
        ['the plugin jwt', claims],
        ['the plugin oidc', claims],
      ]),
    /the plugin jwt and the plugin oidc both contribute the name "claims"/,
  );
});
