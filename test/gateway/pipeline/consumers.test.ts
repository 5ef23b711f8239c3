import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { Chain } from '../../../gateway/pipeline/chain.ts';
import {
  compileChain,
  compileChains,
  createOverrides,
  headOnly,
  type Instance,
  maxBodyBytesFor,
  mostSpecific,
} from '../../../gateway/pipeline/chains.ts';
import { Consumers, type Credential } from '../../../gateway/pipeline/consumers.ts';
import type { Hooks } from '../../../gateway/plugin/plugin.ts';
import type { Exchange } from '../../../gateway/request/exchange.ts';
import { byName, instance, noLog } from '../../support/gateway.ts';
import { exchangeOf } from '../expression/exchange.ts';

const none = createOverrides(new Map());
// Types and ids that could be taken for one another if they were joined, and names that every object has.
const word: fc.Arbitrary<string> = fc.constantFrom('a', 'b', 'a:b', ':', '', '__proto__', 'constructor', 'A');
const credential: fc.Arbitrary<Credential> = fc.record({ type: word, id: word });
const isOne = (left: Credential, right: Credential) => left.type === right.type && left.id === right.id;

test('a consumer that is found by its credential is the one that a scan of all credentials finds, and expressions come after it', () => {
  const indexed = fc.array(fc.array(credential, { maxLength: 4 }), { maxLength: 6 });
  const matched = fc.array(fc.array(word, { maxLength: 2 }), { maxLength: 3 });
  fc.assert(
    fc.property(indexed, matched, fc.option(credential), (lists, idLists, caller) => {
      const exchange = exchangeOf({});
      exchange.subject = caller ?? undefined;
      const withCredentials = lists.map((credentials, at) => ({
        id: `c${at}`,
        overrides: none,
        credentials,
      }));
      const withMatch = idLists.map((ids, at) => ({
        id: `m${at}`,
        overrides: none,
        matches: ({ subject }: Exchange) => subject !== undefined && ids.includes(subject.id),
      }));
      const scanned =
        withCredentials.find(({ credentials }) => credentials.some((own) => caller && isOne(own, caller))) ??
        withMatch.find(({ matches }) => matches(exchange));
      const pairs = withCredentials.flatMap((one) => one.credentials.map((own) => [own, one] as const));
      assert.equal(new Consumers(pairs, withMatch).find(exchange, noLog), scanned);
    }),
  );
});

test('an expression is not evaluated for a caller whose credential is known', () => {
  const matches = () => assert.fail('it was evaluated');
  const known = { id: 'known', overrides: none };
  const consumers = new Consumers(
    [[{ type: 'key', id: '7' }, known]],
    [{ id: 'other', overrides: none, matches }],
  );
  const exchange = exchangeOf({});
  exchange.subject = { type: 'key', id: '7' };
  assert.equal(consumers.find(exchange, noLog), known);
});

const named = (name: string, priority: number, hooks: Hooks = { access: () => ({ kind: 'next' }) }) =>
  instance(name, priority, hooks);
const stepsOf = ({ access }: Chain) => access.map(({ plugin, run }) => [plugin, run]);
const route = byName(named('a', 3), named('b', 2), named('c', 1));
const plugins = new Set(['b', 'd']);
const overrides = (...instances: readonly Instance[]) => createOverrides(byName(...instances));

test('a chain for a consumer is compiled once, and is what compiling its plugins together gives', () => {
  const { chain, chainFor } = compileChains(route, plugins);
  assert.equal(chainFor(none), chain);
  for (const own of [
    overrides(named('b', 2)),
    overrides(named('d', 9)),
    overrides(named('b', 2), named('d', 9)),
  ]) {
    const made = chainFor(own);
    assert.deepEqual(stepsOf(made), stepsOf(compileChain(mostSpecific([route, own.instances]), plugins)));
    assert.equal(chainFor(own), made);
  }
});

test('what an authorizer cannot run is cut off the chains for consumers too', () => {
  const reading = named('b', 2, { body: { kind: 'all', limitBytes: 1 }, access: () => ({ kind: 'next' }) });
  const { chainFor } = compileChains(route, plugins, headOnly);
  assert.deepEqual(
    chainFor(overrides(reading)).access.map(({ plugin }) => plugin),
    ['a'],
  );
});

test('a route keeps a bounded number of chains, and compiles one that it let go again', () => {
  const { chainFor } = compileChains(route, plugins);
  const first = overrides(named('b', 2));
  const made = chainFor(first);
  for (let count = 0; count < 999; count += 1) chainFor(overrides(named('d', 9)));
  assert.equal(chainFor(first), made);
  chainFor(overrides(named('d', 9)));
  const again = chainFor(first);
  assert.notEqual(again, made);
  assert.deepEqual(stepsOf(again), stepsOf(made));
});

test('the limit of the body for a consumer is that of its chain, without compiling it', () => {
  const limited = (name: string) =>
    fc
      .option(fc.integer({ min: 0, max: 20_000_000 }), { nil: undefined })
      .map((maxBodyBytes) => named(name, 1, maxBodyBytes === undefined ? {} : { maxBodyBytes }));
  const level = fc
    .tuple(fc.subarray<string>(['a', 'b', 'c']), limited('a'), limited('b'), limited('c'))
    .map(([names, ...all]) => byName(...all.filter(({ plugin }) => names.includes(plugin.name))));
  fc.assert(
    fc.property(level, level, (general, own) => {
      const chain = compileChain(mostSpecific([general, own]), new Set());
      assert.equal(maxBodyBytesFor(general, createOverrides(own)), chain.maxBodyBytes);
    }),
  );
});
