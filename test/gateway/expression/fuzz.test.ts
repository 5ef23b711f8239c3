import assert from 'node:assert/strict';
import test from 'node:test';
import { Environment } from '@marcbachmann/cel-js';
import fc from 'fast-check';
import { ConfigurationError } from '../../../gateway/configuration-error.ts';
import { compileExpression, EvaluationError, StepLimitExceeded } from '../../../gateway/expression/index.ts';
import { exchangeOf } from './exchange.ts';

const compile = (source: string) => compileExpression(source, { result: 'boolean' });

const words = [
  ...[
    'webhook',
    'request',
    'subject',
    'now',
    'route',
    'payload',
    'event',
    'headers',
    'query',
    'path',
    'x',
    'a',
  ],
  ...[
    'has',
    'size',
    'matches',
    'startsWith',
    'exists',
    'all',
    'map',
    'filter',
    'ip_in',
    'int',
    'timestamp',
    'in',
  ],
  ...[
    'true',
    'false',
    'null',
    '1',
    '-1',
    '2.5',
    '1u',
    "'push'",
    "'10.0.0.0/8'",
    "b'x'",
    "r'\\\\w'",
    '"(a+)+"',
  ],
  ...[
    '(',
    ')',
    '[',
    ']',
    '{',
    '}',
    '.',
    ',',
    ':',
    '?',
    '!',
    '-',
    '+',
    '*',
    '/',
    '%',
    '==',
    '!=',
    '<',
    '&&',
    '||',
  ],
  ...['constructor', '__proto__', 'prototype', '\\n', '\\u0000', '😀'],
];

test('whatever is written, it is an expression or a configuration error, and evaluating it ends as documented', async () => {
  const sources = fc.oneof(
    fc.array(fc.constantFrom(...words), { maxLength: 14 }).map((tokens) => tokens.join('')),
    fc.array(fc.constantFrom(...words), { maxLength: 14 }).map((tokens) => tokens.join(' ')),
    fc.string({ unit: 'binary', maxLength: 40 }),
  );
  const exchange = exchangeOf({ webhook: { event: 'push', payload: { a: [1, 'x', null, { x: 1 }] } } });
  await fc.assert(
    fc.asyncProperty(sources, async (source) => {
      let evaluate: Awaited<ReturnType<typeof compile>>;
      try {
        evaluate = await compile(source);
      } catch (error) {
        assert.ok(error instanceof ConfigurationError, `${error}`);
        return;
      }
      try {
        assert.equal(typeof evaluate(exchange), 'boolean');
      } catch (error) {
        assert.ok(error instanceof EvaluationError || error instanceof StepLimitExceeded, `${error}`);
      }
    }),
    { numRuns: 2_000 },
  );
});

/** Expressions that are well typed, by type, over a payload of plain data. */
const { bool } = fc.letrec<{ bool: string; int: string; text: string; list: string; data: string }>(
  (tie) => ({
    data: fc.constantFrom(
      'payload.n',
      'payload.s',
      'payload.list',
      'payload.map',
      'payload.none',
      'payload.map.k',
      'payload.list[0]',
    ),
    int: fc.oneof(
      { maxDepth: 3 },
      fc.integer({ min: -5, max: 5 }).map(String),
      fc
        .tuple(tie('int'), fc.constantFrom('+', '-', '*', '/', '%'), tie('int'))
        .map(([l, op, r]) => `(${l} ${op} ${r})`),
      tie('list').map((list) => `size(${list})`),
      tie('text').map((text) => `size(${text})`),
    ),
    text: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom("'push'", "'a'", "''", "'ab'"),
      fc.tuple(tie('text'), tie('text')).map(([l, r]) => `(${l} + ${r})`),
      fc.tuple(tie('bool'), tie('text'), tie('text')).map(([c, l, r]) => `(${c} ? ${l} : ${r})`),
    ),
    list: fc.oneof(
      { maxDepth: 3 },
      fc.array(tie('int'), { minLength: 1, maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
      fc.tuple(tie('list'), tie('int')).map(([list, item]) => `${list}.map(v, v + ${item})`),
      fc.tuple(tie('list'), tie('int')).map(([list, item]) => `${list}.filter(v, v > ${item})`),
    ),
    bool: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom('true', 'false', 'has(payload.map.k)', 'has(payload.nothing)'),
      fc
        .tuple(tie('bool'), fc.constantFrom('&&', '||'), tie('bool'))
        .map(([l, op, r]) => `(${l} ${op} ${r})`),
      tie('bool').map((one) => `!${one}`),
      fc
        .tuple(tie('int'), fc.constantFrom('==', '!=', '<', '<=', '>', '>='), tie('int'))
        .map(([l, op, r]) => `${l} ${op} ${r}`),
      fc
        .tuple(tie('text'), fc.constantFrom('==', '!=', '<', '>='), tie('text'))
        .map(([l, op, r]) => `${l} ${op} ${r}`),
      fc.tuple(tie('int'), tie('list')).map(([item, list]) => `${item} in ${list}`),
      fc.tuple(tie('list'), fc.constantFrom('==', '!='), tie('list')).map(([l, op, r]) => `${l} ${op} ${r}`),
      fc
        .tuple(tie('list'), fc.constantFrom('all', 'exists', 'exists_one'), tie('int'))
        .map(([l, m, i]) => `${l}.${m}(v, v > ${i})`),
      fc
        .tuple(tie('text'), fc.constantFrom('startsWith', 'endsWith', 'contains'), tie('text'))
        .map(([l, m, r]) => `${l}.${m}(${r})`),
      fc
        .tuple(tie('data'), fc.constantFrom('==', '!='), fc.oneof(tie('int'), tie('text'), tie('data')))
        .map(([l, op, r]) => `${l} ${op} ${r}`),
      fc.tuple(tie('data'), fc.constantFrom('<', '>'), tie('int')).map(([l, op, r]) => `${l} ${op} ${r}`),
      fc.tuple(tie('data'), tie('int')).map(([data, int]) => `${data}.exists(v, v == ${int})`),
    ),
  }),
);

test('our evaluation agrees with that of the library whose parser and type checker it uses', async () => {
  const payload = { n: 3, s: 'ab', list: [1, 2, 'a'], map: { k: 1 } };
  const exchange = exchangeOf({ webhook: { payload } });
  const oracle = new Environment().registerVariable('payload', 'dyn');
  let agreed = 0;
  await fc.assert(
    fc.asyncProperty(bool, async (expression) => {
      fc.pre(expression.length < 1_000 && oracle.check(expression).type === 'bool');
      const ours = await outcome(async () =>
        (await compile(expression.replaceAll('payload', 'webhook.payload')))(exchange),
      );
      assert.equal(ours, await outcome(async () => oracle.evaluate(expression, { payload })));
      agreed += 1;
    }),
    { numRuns: 2_000 },
  );
  assert.ok(agreed > 500, `only ${agreed} were compared`);
});

async function outcome(run: () => Promise<unknown>): Promise<unknown> {
  try {
    return await run();
  } catch (error) {
    return error instanceof ConfigurationError && !/division|range/.test(error.message) ? error : 'error';
  }
}
