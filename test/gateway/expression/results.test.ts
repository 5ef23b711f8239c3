import assert from 'node:assert/strict';
import test from 'node:test';
import { ConfigurationError } from '../../../base/schema/configuration-error.ts';
import {
  compileExpression,
  EvaluationError,
  type ResultKind,
  StepLimitExceeded,
} from '../../../gateway/expression/index.ts';
import { exchangeOf, names, nowMs } from './exchange.ts';

const compile = <Kind extends ResultKind>(source: string, result: Kind) =>
  compileExpression(source, { names, result });
const exchange = () =>
  exchangeOf({
    head: { headers: ['X-Team', 'a', 'Accept', '*/*'], query: 'a=1&a=2' },
    webhook: {
      event: 'push',
      payload: {
        ref: 'refs/heads/main',
        number: 7,
        size: 7.5,
        large: 9007199254740993n,
        labels: ['a', 'b'],
        author: { name: 'ann' },
        nothing: null,
      },
    },
  });

const gives: readonly (readonly [source: string, result: ResultKind, value: unknown])[] = [
  ["webhook.event == 'push'", 'boolean', true],
  ["request.method + ' ' + request.path", 'text', 'POST /hooks/github'],
  ['webhook.payload.ref', 'text', 'refs/heads/main'],
  ["has(webhook.id) ? webhook.id : 'none'", 'text', 'none'],
  ['1 + 2', 'number', 3],
  ['1.5', 'number', 1.5],
  ['webhook.payload.number', 'number', 7],
  ['size(webhook.payload.labels) == 2 ? 1 : 0.5', 'number', 1],
  ['request.query.a', 'list', ['1', '2']],
  ["webhook.payload.labels.map(label, 'label-' + label)", 'list', ['label-a', 'label-b']],
  ['[]', 'list', []],
  ['webhook.payload.author', 'map', new Map([['name', 'ann']])],
  [
    "{'team': request.headers['x-team'], 'count': 1}",
    'map',
    new Map<string, unknown>([
      ['team', 'a'],
      ['count', 1n],
    ]),
  ],
  [
    'request.headers',
    'map',
    new Map([
      ['x-team', 'a'],
      ['accept', '*/*'],
    ]),
  ],
  ['request.query', 'map', new Map([['a', ['1', '2']]])],
  ['now', 'timestamp', new Date(nowMs)],
  ["timestamp('2030-01-31T08:00:00.0009Z')", 'timestamp', new Date('2030-01-31T08:00:00Z')],
];
for (const [source, result, value] of gives) {
  test(`${source} gives the ${result} ${JSON.stringify(value)}`, async () => {
    assert.deepEqual((await compile(source, result))(exchange()), value);
  });
}

const doNotLoad: readonly (readonly [source: string, result: ResultKind, why: RegExp])[] = [
  ['webhook.event', 'boolean', /gives string; it must give bool/],
  ['webhook.payload.ref', 'boolean', /gives dyn; it must give bool/],
  ["webhook.event == 'push'", 'text', /gives bool; it must give string/],
  ['null', 'text', /gives null; it must give string/],
  ['request.size', 'text', /gives int; it must give string/],
  ['webhook.event', 'number', /gives string; it must give int or double/],
  ['9007199254740993', 'number', /a number that is not finite, or an integer beyond/],
  ['request.headers', 'list', /gives map<string, string>; it must give list/],
  ['request.query.a', 'map', /gives list<string>; it must give map/],
  ["'2030-01-31T08:00:00Z'", 'timestamp', /gives string; it must give timestamp/],
  ['now - now', 'timestamp', /gives duration; it must give timestamp/],
];
for (const [source, result, why] of doNotLoad) {
  test(`${source} does not load as a ${result}`, async () => {
    await assert.rejects(compile(source, result), (error) => {
      assert.ok(error instanceof ConfigurationError, `${error}`);
      assert.match(error.message, why);
      assert.match(error.message, /\n {2}1 \| /);
      return true;
    });
  });
}

const refused: readonly (readonly [source: string, result: ResultKind, why: RegExp])[] = [
  ['webhook.payload.number', 'text', /gave double, not string/],
  ['webhook.payload.nothing', 'text', /gave null, not string/],
  ['webhook.payload.none', 'text', /has no key "none"/],
  ['webhook.id', 'text', /webhook\.id is not known/],
  ['webhook.payload.ref', 'number', /gave string, not int or double/],
  ['webhook.payload.large', 'number', /a number that is not finite, or an integer beyond/],
  ['webhook.payload.size / 0.0', 'number', /a number that is not finite/],
  ['webhook.payload.author', 'list', /gave map, not list/],
  ['webhook.payload.labels', 'map', /gave list, not map/],
  ['webhook.payload.ref', 'map', /gave string, not map/],
  ['webhook.payload.number', 'timestamp', /gave double, not timestamp/],
];
for (const [source, result, why] of refused) {
  test(`${source} is an error where a ${result} is needed, and the request has another value`, async () => {
    const evaluate = await compile(source, result);
    assert.throws(
      () => evaluate(exchange()),
      (error) => error instanceof EvaluationError && why.test(error.message),
    );
  });
}

test('the value of a literal alone is known before there is a request, and of nothing else', async () => {
  assert.equal((await compile('true', 'boolean')).constant, true);
  assert.equal((await compile("'builds'", 'text')).constant, 'builds');
  assert.equal((await compile('30', 'number')).constant, 30);
  for (const source of ['route', "route + ''"])
    assert.equal((await compile(source, 'text')).constant, undefined);
});

test('a map that is read out counts its keys as steps', async () => {
  const evaluate = await compile('webhook.payload', 'map');
  const payload = Object.fromEntries(Array.from({ length: 50_000 }, (_, at) => [`key-${at}`, at]));
  assert.throws(() => evaluate(exchangeOf({ webhook: { payload } })), StepLimitExceeded);
});
