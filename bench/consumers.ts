import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { uncheckedSecrets } from '../adapters/secrets/index.ts';
import { systemClock } from '../base/clock.ts';
import { everything } from '../base/named.ts';
import { ProblemCollector } from '../gateway/config/collector.ts';
import type { ConfigurationSource } from '../gateway/config/document.ts';
import { expressionCompilers } from '../gateway/config/expressions.ts';
import { PluginCreator } from '../gateway/config/plugin-creator.ts';
import type { GatewayPorts } from '../gateway/config/ports.ts';
import type { ServerOptions } from '../gateway/config/server-options.ts';
import { type LoadedConfiguration, loadGateway } from '../gateway/index.ts';
import {
  compileChains,
  createOverrides,
  type Instances,
  type Overrides,
} from '../gateway/pipeline/chains.ts';
import { Consumers } from '../gateway/pipeline/consumers.ts';
import { loadPlugins } from '../gateway/plugins/index.ts';
import { Exchange, type Head } from '../gateway/request/exchange.ts';
import { readTailnetPorts } from '../gateway/upstream/tailnet/ports.ts';
import { type Bench, type Figure, percentile } from './runner.ts';

const range = (length: number) => Array.from({ length }, (_, at) => at);
const consumers = 10_000;
const routes = 200;
const log = { info() {}, warn() {}, error() {} };
const ports: GatewayPorts = {
  clock: systemClock,
  log,
  secrets: uncheckedSecrets({}),
  tailnet: readTailnetPorts({}),
  warned() {},
};
const loads = 5;
const rounds = 11;

export const consumersBench: Bench = {
  name: 'consumers',
  about: `${consumers} consumers and ${routes} routes: to load them, and to find one`,
  missing: () => undefined,
  async run() {
    return {
      method: `Loads: CPU time of all threads, of the first load, with the modules that it needs, and of the fastest of ${loads - 1} more; the heap is what is left after a collection. The rest: the fastest of ${rounds} rounds, with ids that no map has seen.`,
      figures: [
        ...(await loading('JSON, all plugins different', sourceOf('json', consumers), '<= 1000')),
        ...(await loading('JSON, four sets of plugins', sourceOf('json', 4), '<= 1000')),
        ...(await loading('YAML, all plugins different', sourceOf('yaml', consumers), '<= 1000')),
        ...(await finding()),
        ...(await firstUse()),
      ],
    };
  },
};

/** Routes with a webhook and a rule; consumers with one of `sets` limits each. */
function sourceOf(format: 'json' | 'yaml', sets: number): ConfigurationSource {
  const routeOf = (at: number) => ({
    match: { path: `/r${at}` },
    service: 'a',
    plugins: {
      webhook: { provider: 'github', secret: 'env:A' },
      authorize: { allow: "webhook.event == 'push'" },
    },
  });
  const consumerOf = (at: number) => ({
    credentials: [`webhook:c${at}`],
    plugins: { 'size-limit': { max: `${(at % sets) + 1}B` } },
  });
  const parts = {
    services: { a: { targets: [{ url: 'http://127.0.0.1:9' }], transport: 'direct' } },
    routes: Object.fromEntries(range(routes).map((at) => [`r${at}`, routeOf(at)])),
    consumers: Object.fromEntries(range(consumers).map((at) => [`c${at}`, consumerOf(at)])),
  };
  if (format === 'json') return { file: 'postern.json', text: JSON.stringify(parts) };
  const lines = Object.entries(parts).flatMap(([part, entries]) => [
    `${part}:`,
    ...Object.entries(entries).map(([name, options]) => `  ${name}: ${JSON.stringify(options)}`),
  ]);
  return { file: 'postern.yaml', text: lines.join('\n') };
}

async function loading(what: string, source: ConfigurationSource, goal: string): Promise<readonly Figure[]> {
  const loaded: LoadedConfiguration[] = [];
  const times: number[] = [];
  const heaps: number[] = [];
  for (let count = 0; count < loads; count += 1) {
    const before = heapMb();
    const start = cpuMs();
    loaded.push(await loadGateway(source, ports));
    times.push(cpuMs() - start);
    heaps.push(heapMb() - before);
  }
  for (const { gateway } of loaded) await gateway.close();
  const [first = Number.NaN, ...others] = times;
  return [
    { name: `load, ${what}: the first`, value: first, unit: 'ms', goal },
    { name: `load, ${what}: later ones`, value: Math.min(...others), unit: 'ms', goal },
    { name: `heap, ${what}`, value: percentile(heaps, 0.5), unit: 'MB', goal: '<= 60' },
  ];
}

async function finding(): Promise<readonly Figure[]> {
  const none = createOverrides(new Map());
  const known = range(consumers).map((at) => {
    const consumer = { id: `c${at}`, overrides: none };
    return [{ type: 'webhook', id: consumer.id }, consumer] as const;
  });
  const compile = expressionCompilers([])(() => {});
  const matched = await Promise.all(
    range(1_000).map(async (at) => ({
      id: `m${at}`,
      overrides: none,
      matches: await compile(`subject.id == 'm${at}'`, 'boolean', []),
    })),
  );
  const all = new Consumers(known, []);
  return [
    {
      name: `find one of ${consumers} by its credential`,
      value: findingUs(all, 'c', 10_000),
      unit: 'µs',
      goal: '<= 1',
    },
    { name: 'find none, no expressions', value: findingUs(all, 'x', 10_000), unit: 'µs', goal: '<= 1' },
    ...[10, 100, 1_000].map((count) => ({
      name: `find none by its credential, nor by ${count} expressions`,
      value: findingUs(new Consumers(known, matched.slice(0, count)), 'x', 100_000 / count),
      unit: 'µs',
    })),
  ];
}

function findingUs(all: Consumers, prefix: string, times: number): number {
  return fastestUs(times, () => {
    // Texts that were not hashed yet, as plugins read them from a request.
    const exchanges = range(times).map((at) => {
      const exchange = new Exchange('id', {} as Head, { name: 'r', service: undefined }, 0, 0);
      exchange.subject = { type: 'webhook', id: Buffer.from(`${prefix}${at % consumers}`).toString() };
      return exchange;
    });
    return () => {
      for (const exchange of exchanges) {
        // A request has a budget for its expressions.
        exchange.expressionSteps = 0;
        all.find(exchange, log);
      }
    };
  });
}

async function firstUse(): Promise<readonly Figure[]> {
  const route = await instances({
    webhook: { provider: 'github', secret: ['env:A'] },
    'source-ip': ip,
    authorize: rule,
  });
  const sets: Overrides[] = [];
  for (let at = 0; at < 1_000; at += 1)
    sets.push(createOverrides(await instances({ 'size-limit': { max: at } })));
  const names = new Set(['size-limit']);
  const kept: unknown[] = [];
  const use = () => {
    const { chainFor } = compileChains(route, names);
    kept.push(chainFor);
    return () => {
      for (const set of sets) chainFor(set);
    };
  };
  const first = fastestUs(sets.length, use);
  const later = fastestUs(sets.length, () => {
    const again = use();
    again();
    return again;
  });
  kept.length = 0;
  const before = heapMb();
  for (let at = 0; at < 10; at += 1) use()();
  const bytes = ((heapMb() - before) * 1e6) / (10 * sets.length);
  return [
    { name: 'first request of a route and a set of plugins: its chain', value: first, unit: 'µs' },
    { name: 'later requests: its chain', value: later, unit: 'µs', goal: '<= 1' },
    { name: 'a chain that is kept', value: bytes, unit: 'bytes' },
  ];
}

const ip = { allow: ['192.0.2.0/24'] };
const rule = { allow: "subject.type == 'webhook'" };

async function instances(options: Readonly<Record<string, unknown>>): Promise<Instances> {
  const problems = new ProblemCollector({ file: 'bench', value: {}, locate: () => undefined });
  const made = await new PluginCreator(
    await loadPlugins(everything),
    {} as ServerOptions,
    ports,
    problems,
  ).all(options, []);
  problems.throwIfAny();
  return made;
}

/** Of the fastest round, for each of the times that the work does what it does; `prepare` is not counted. */
function fastestUs(times: number, prepare: () => () => void): number {
  return Math.min(
    ...range(rounds).map(() => {
      const work = prepare();
      const start = process.hrtime.bigint();
      work();
      return Number(process.hrtime.bigint() - start) / 1_000 / times;
    }),
  );
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heapMb(): number {
  collect();
  return process.memoryUsage().heapUsed / 1e6;
}
