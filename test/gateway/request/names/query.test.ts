import assert from 'node:assert/strict';
import test from 'node:test';
import { compile, exchangeOf } from '../../expression/exchange.ts';

const any = await compile("request.query.all(name, name == 'x' || name != 'x')");
const named = await compile("'token' in request.query");

const read: readonly (readonly [query: string | undefined, expression: string])[] = [
  [undefined, 'request.query.size() == 0'],
  ['', 'request.query.size() == 0'],
  ['?token=open', "!('token' in request.query) && request.query['?token'] == ['open']"],
  ['??token=open', "request.query['??token'] == ['open']"],
  ['%3Ftoken=open', "request.query['?token'] == ['open']"],
  ['a=1&a=2', "request.query.a == ['1', '2']"],
  ['a[]=1&a%5B%5D=2', "request.query['a[]'] == ['1', '2']"],
  ['a+b=c+d%2B', "request.query['a b'] == ['c d+']"],
  ['a%3B=1', "request.query['a;'] == ['1']"],
  ['&&=1&a', "request.query[''] == ['1'] && request.query.a == ['']"],
  ['%C3%BC=%F0%9F%9A%AA', "request.query['ü'] == ['🚪']"],
];
for (const [query, expression] of read) {
  test(`policy reads the names that the target reads: ?${query}`, async () => {
    const evaluate = await compile(expression);
    assert.equal(evaluate(exchangeOf({ head: { query } })), true);
  });
}

const unknown = [
  'a=1;token=open',
  'token;x',
  'a=%zz',
  'token%',
  'a=%ff',
  '%c0%ae=1',
  '%ed%a0%80=1',
  'token%00x=open',
  'token=open%00x',
  Array(1_001).fill('a').join('&'),
  '&'.repeat(1_000),
];
for (const query of unknown) {
  test(`a query that targets read differently is not known: ?${query.slice(0, 20)}`, () => {
    const exchange = exchangeOf({ head: { query } });
    for (const evaluate of [any, named, named])
      assert.throws(() => evaluate(exchange), /request\.query is not known/);
  });
}
