import { everything } from '../base/named.ts';
import { knownNames } from '../gateway/config/expressions.ts';
import { compileExpression, StepLimitExceeded } from '../gateway/expression/index.ts';
import { loadPlugins } from '../gateway/plugins/index.ts';
import { Exchange, type Head } from '../gateway/request/exchange.ts';
import type { CanonicalPath } from '../gateway/request/path.ts';
import type { Route } from '../gateway/routing/route.ts';
import type { Bench, Figure } from './runner.ts';

const range = (length: number) => Array.from({ length }, (_, at) => at);
const big = 'a'.repeat(1_000_000);
const kilo = 'ab'.repeat(512);

/** A head of the largest size that a listener accepts: 32 KiB of short headers whose names have one length. */
const manyHeaders = range(3_000).flatMap((at) => [`X-${String(at).padStart(4, '0')}`, '1']);
const query = range(1_000)
  .map((at) => `n${at}=%41%41%41`)
  .join('&');

const payload = {
  list: range(50_000),
  short: range(300),
  texts: range(20_000).map((at) => `text-${at}`),
  objects: range(20_000).map((id) => ({ id })),
  nested: range(200).map(() => range(200)),
  map: Object.fromEntries(range(5_000).map((at) => [`key-${at}`, at])),
  big,
  kilo,
  deep: { a: { b: { c: { d: 1 } } } },
  short30: 'a'.repeat(30),
  short60: 'a'.repeat(60),
  other60: `${'a'.repeat(59)}a`,
  needle: `${'a'.repeat(50)}b`,
  time: '2026-02-28T23:59:59.123456789Z',
  wide: '€'.repeat(300_000),
  alternating: 'aBé'.repeat(512),
  sparse: Object.fromEntries(range(38_000).map((at) => [String(4_294_967_294 - at * 100_000), at])),
  duration: '1ns'.repeat(21),
  hard: '2.2250738585072011360574097967091319759348195463516456480e-308',
  address: '2001:db8:ffff:ffff:ffff:ffff:ffff:fffe',
};

/** Other request heads, for the expressions with these names. */
const heads: Readonly<Record<string, readonly string[]>> = {
  'a header with a long name': ['X'.repeat(30_000), '1'],
  'a header in many lines': range(128).flatMap(() => ['X', 'b'.repeat(240)]),
  'a header in two long lines': range(2).flatMap(() => ['X', 'b'.repeat(15_000)]),
};

/** Each is written to take as long as possible; those with `request` need no credentials. */
const expressions: Readonly<Record<string, string>> = {
  'items without the key': 'p.list.exists(x, x.none)',
  'errors that || passes over': 'p.list.all(x, x.none == 1 || x.none == 2 || x >= 0.0)',
  'nested macros': 'p.list.all(a, p.list.all(b, p.list.all(c, a + b + c >= 0.0)))',
  'sums of integers': `p.list.all(x, 1${' + size(p.short)'.repeat(40)} > 0)`,
  'products of integers': `p.list.all(x, int(x)${' * 1'.repeat(100)} >= 0)`,
  'conversions of numbers': 'p.list.all(x, int(string(int(x))) >= 0 && double(string(x)) >= 0.0)',
  'conversions of times':
    'p.list.all(x, timestamp(p.time).getHours() == 23 && string(timestamp(p.time)) != "")',
  durations: 'p.list.all(x, duration("1h2m3.5s") + duration(string(int(x)) + "s") > duration("0s"))',
  'time zones': "p.list.all(x, now.getHours('Europe/Paris') < 24 && now.getDate('America/New_York') > 0)",
  'reading now': 'p.list.all(x, now == now && now == now && now == now)',
  'a search that nearly finds': 'p.list.all(x, !p.big.contains(p.needle))',
  'a short search for every item': 'p.list.all(x, !p.kilo.contains("aa"))',
  indexOf: 'p.list.all(x, p.kilo.indexOf("aa") == -1)',
  substring: 'p.list.all(x, p.kilo.substring(1, 600) != "")',
  replace: 'p.list.all(x, p.kilo.replace("a", "bcd") != "")',
  'replace around each character': 'p.list.all(x, p.kilo.replace("", "-") != "")',
  'split and join': 'p.list.all(x, p.kilo.split("b").join("-") != "")',
  'upper case': 'p.list.all(x, p.kilo.upperAscii().lowerAscii().trim() != "")',
  sizes: 'p.list.all(x, p.kilo.size() > 0)',
  'texts in order': 'p.list.all(x, p.big < p.big + "a")',
  'a text that grows': `p.list.all(x, (${Array(50).fill('p.big').join(' + ')}) != "")`,
  'new keys': 'p.list.all(x, !((p.kilo + string(int(x))) in p.map))',
  'a list that grows': `p.list.all(x, (${Array(50).fill('p.short').join(' + ')}).size() > 0)`,
  'lists and maps made': `p.list.all(x, {'a': [x], 'b': [x, x], 'c': {'d': x}}.size() == 3)`,
  mapping: 'p.list.map(x, [x, x, x]).map(x, [x]).size() > 0',
  'many selections': `p.list.all(x, ${Array(40).fill('p.deep.a.b.c.d == 1.0').join(' && ')})`,
  'many look-ups': `p.list.all(x, ${Array(40).fill("'key-4999' in p.map").join(' && ')})`,
  'many indexes': `p.list.all(x, ${Array(40).fill('p.list[int(x)] >= 0.0').join(' && ')})`,
  'many comparisons of short texts': `p.list.all(x, ${Array(40).fill('p.short60 <= p.short60').join(' && ')})`,
  'many equal texts': `p.list.all(x, ${Array(40).fill('p.short60 == p.other60').join(' && ')})`,
  'many searches in short texts': `p.list.all(x, ${Array(40).fill("!p.short30.contains('ab')").join(' && ')})`,
  'many short methods': `p.list.all(x, ${Array(40).fill("!p.short30.trim().startsWith('ab')").join(' && ')})`,
  'many ternaries': `p.list.all(x, ${Array(40).fill('(x < 0.0 ? false : true)').join(' && ')})`,
  'many comparisons of numbers': `p.list.all(x, ${Array(80).fill('x >= 0').join(' && ')})`,
  'many short concatenations': `p.list.all(x, (${Array(40).fill('p.short30').join(' + ')}) != '')`,
  'many lists of texts': `p.list.all(x, ${Array(40).fill('p.short30 in [p.short60, p.other60]').join(' || ')} || true)`,
  'a header for every item': `p.list.all(x, ${Array(20).fill("request.headers['x-2999'] == '1'").join(' && ')})`,
  'equality of lists': 'p.list.all(x, p.nested == p.nested)',
  'equality of maps': 'p.list.all(x, p.map == p.map)',
  membership: 'p.list.all(x, x in p.list)',
  'membership of objects': 'p.objects.all(x, x in p.objects)',
  'sizes of maps': 'p.list.all(x, p.map.size() > 0)',
  patterns: "p.list.all(x, !p.kilo.matches('(a?){50}c'))",
  'patterns that the text warms': "p.texts.all(t, !t.matches('(a|b|c|d|e)*x[0-9]{3}$'))",
  ranges: 'p.list.all(x, !ip_in(source.ip, p.ranges))',
  addresses:
    "p.list.all(x, !ip_in(source.ip, ['10.0.0.0/8', '192.168.0.0/16', '2001:db8::/32']) && source.ip != '::')",
  'headers for headers': "request.headers.all(name, request.headers[name] != '2')",
  'names of headers': 'request.headers.all(a, request.headers.all(b, a != b + "x"))',
  'headers once': 'request.headers.size() == 3000',
  'equality of headers': 'request.headers == request.headers',
  'the query': "request.query.all(name, request.query[name].all(v, v != 'B'))",
  'the query for the query': 'request.query.all(a, request.query.all(b, a in request.query && b != ""))',
  'headers for the query': 'request.query.all(name, !(name in request.headers))',
  'one look-up': "request.headers['x-2999'] == '1' && 'n1' in request.query",
  'a header with a long name': 'request.query.all(a, request.query.all(b, request.headers.size() == 1))',
  'a header in many lines':
    "request.query.all(a, request.query.all(b, !request.headers['x'].startsWith('z')))",
  'a header in two long lines':
    "request.query.all(a, request.query.all(b, !request.headers['x'].startsWith('z')))",
  'texts of two bytes a character that are joined': "p.list.all(x, !(p.wide + 'x').startsWith('b'))",
  'every other letter': 'p.list.all(x, p.alternating.lowerAscii() != "")',
  'keys in no order': 'p.sparse.all(key, true)',
  'durations of many parts': "p.list.all(x, duration(p.duration) > duration('0s'))",
  'numbers that are hard to read': 'p.list.all(x, double(p.hard) > 0.0)',
  'errors of look-ups': 'p.list.all(x, p.list[60000] == 1 || true)',
  'ranges of IPv6': 'p.list.all(x, !ip_in(p.address, p.ranges6))',
  'errors over the query': 'request.query.exists(name, request.query[name + "x"] == [])',
};

function exchange(headers: readonly string[]): Exchange {
  const head: Head = {
    method: 'POST',
    path: '/hooks' as CanonicalPath,
    rawPath: '/hooks',
    query,
    headers,
    host: 'hooks.example.com',
    authority: 'hooks.example.com',
    scheme: 'https',
    clientIp: '198.51.100.7',
  } as Head;
  const made = new Exchange(
    'id',
    head,
    { name: 'hooks', chain: {} } as Route,
    Date.now(),
    Date.now() + 1_000,
  );
  made.attributes.webhook = {
    provider: 'github',
    payload: {
      ...payload,
      ranges: range(50).map((at) => `10.${at}.0.0/16`),
      ranges6: range(50).map((at) => `2001:db8:${at}:ffff:ffff:ffff::/96`),
    },
  };
  return made;
}

/** CPU of the fastest of some rounds: what one evaluation takes when nothing else runs. */
async function measure(
  name: string,
  source: string,
): Promise<{ readonly ms: number; readonly ended: string }> {
  const evaluate = await compileExpression(source.replaceAll('p.', 'webhook.payload.'), {
    names: await knownNames(await loadPlugins(everything)),
    result: 'boolean',
  });
  let ms = Number.POSITIVE_INFINITY;
  let ended = '';
  for (let round = 0; round < 15; round += 1) {
    // The query is kept for a request, so each round has its own.
    const one = exchange(heads[name] ?? manyHeaders);
    const before = process.cpuUsage();
    try {
      evaluate(one);
      ended = 'gave a value';
    } catch (error) {
      ended = error instanceof StepLimitExceeded ? 'ended at the limit' : 'failed';
    }
    const { user, system } = process.cpuUsage(before);
    ms = Math.min(ms, (user + system) / 1_000);
  }
  return { ms, ended };
}

export const policyBench: Bench = {
  name: 'policy',
  about: 'CPU of one evaluation of expressions that are meant to take long',
  missing: () => undefined,
  async run() {
    const figures: Figure[] = [];
    for (const [name, source] of Object.entries(expressions)) {
      const { ms, ended } = await measure(name, source);
      figures.push({ name: `${name}, ${ended}`, value: ms, unit: 'ms', goal: '<= 10' });
    }
    figures.sort((left, right) => right.value - left.value);
    return {
      method:
        'Expressions that are meant to take as long as they can, over a payload of 1 MB and a head of 32 KiB, at the default limits: CPU of one evaluation, the fastest of 15. The payload is parsed before.',
      figures,
    };
  },
};
