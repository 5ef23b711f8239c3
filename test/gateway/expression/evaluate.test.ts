import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { ConfigurationError } from '../../../base/schema/configuration-error.ts';
import { EvaluationError } from '../../../gateway/expression/index.ts';
import { compile, exchangeOf } from './exchange.ts';

const { cases } = JSON.parse(readFileSync(new URL('cases.json', import.meta.url), 'utf8')) as {
  readonly cases: readonly (readonly [expression: string, gives: boolean | string])[];
};

const exchange = exchangeOf({
  head: {
    query: 'a=1&a=2&b%20c=%C3%A9%2F%2B',
    headers: ['Accept', '*/*', 'X-Test', '1', 'x-test', '2'],
  },
  bodySize: 1024,
  subject: {
    type: 'webhook',
    id: 'github',
    properties: { plan: 'team', networks: ['192.0.2.0/24'], wrong: ['192.0.2.1/24'] },
  },
  webhook: {
    provider: 'github',
    id: 'dlv',
    event: 'push',
    timestamp: undefined,
    payload: {
      ref: 'refs/heads/main',
      merged: true,
      number: 7,
      huge: 1e30,
      created: 1674087231,
      nothing: null,
      commits: [{ id: 1, distinct: true }, { id: 2, distinct: false }, { id: 3 }],
      list: [],
    },
  },
});

for (const [expression, gives] of cases) {
  test(`${expression} ${typeof gives === 'string' ? 'fails:' : 'gives'} ${gives}`, async () => {
    if (gives === 'load') {
      await assert.rejects(compile(expression), ConfigurationError);
      return;
    }
    let compiled: Awaited<ReturnType<typeof compile>>;
    try {
      compiled = await compile(expression);
    } catch (error) {
      // What is written out is worked out when it is loaded, so its error comes earlier.
      assert.ok(error instanceof ConfigurationError && typeof gives === 'string', String(error));
      assert.ok(error.message.includes(gives), error.message);
      return;
    }
    if (typeof gives === 'boolean') return assert.equal(compiled(exchange), gives);
    assert.throws(
      () => compiled(exchange),
      function saysWhy(error) {
        assert.ok(error instanceof EvaluationError && error.message.includes(gives), `${error}`);
        return true;
      },
    );
  });
}
