import { ConfigurationError } from '../../base/schema/configuration-error.ts';
import type { Chain, ConsumerChain, EntryStep } from '../pipeline/chain.ts';
import {
  compileChain,
  compileEntry,
  headOnly,
  type Instance,
  type Instances,
  isKnownByHead,
  mostSpecific,
  slotOf,
} from '../pipeline/chains.ts';
import type { Hooks, Plugin } from '../plugin/plugin.ts';
import { plugins } from '../plugins/index.ts';
import type { Exchange } from '../request/exchange.ts';
import { compileAllowedHeaders, compileTakenAway, type IsTakenAway } from '../request/header-names.ts';
import type { Action } from '../routing/action.ts';
import type { Route } from '../routing/route.ts';
import { createRouter, type Entry, type Router } from '../routing/router.ts';
import { basePathProblem, pathProblem } from '../routing/target-path.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { compileAction } from './actions.ts';
import type { ProblemCollector } from './collector.ts';
import { expressionCompiler } from './expressions.ts';
import { lend, missingOn } from './lend.ts';
import { ownedHeadersOf } from './owned-headers.ts';
import type { GatewayPorts } from './ports.ts';
import { compileService } from './services.ts';
import type { Configuration, PluginOptions } from './shape.ts';

type RouteOptions = Configuration['routes'][string];
type Path = readonly (string | number)[];

export interface Compiled {
  readonly router: Router<Route>;
  readonly entry: readonly EntryStep[];
  readonly services: ReadonlyMap<string, Upstream>;
}

interface RouteEntry extends Entry<Route> {
  readonly name: string;
}

interface RouteParts {
  /** The plugins that run before the route is known. */
  readonly entry: Instances;
  /** Those of the route, from the general level to the specific. */
  readonly levels: readonly Instances[];
  readonly action: Action | undefined;
}

/** A consumer with its plugins prepared. */
interface Consumer {
  readonly id: string;
  readonly matches: (exchange: Exchange) => boolean;
  readonly instances: Instances;
}

interface Consumers {
  readonly list: readonly Consumer[];
  /** The plugins that some consumer configures. */
  readonly perConsumer: ReadonlySet<string>;
}

/** Prepares everything that a configuration names. What is wrong goes to `problems`; the result counts only when nothing is. */
export async function compile(
  configuration: Configuration,
  ports: GatewayPorts,
  problems: ProblemCollector,
): Promise<Compiled> {
  const compiler = new Compiler(configuration, ports, problems);
  return compiler.run();
}

class Compiler {
  readonly #configuration: Configuration;
  readonly #ports: GatewayPorts;
  readonly #problems: ProblemCollector;
  readonly #isTakenAway: IsTakenAway;
  /** Whether some route has a plugin that finds out who calls. */
  #authenticates = false;

  constructor(configuration: Configuration, ports: GatewayPorts, problems: ProblemCollector) {
    this.#configuration = configuration;
    this.#ports = ports;
    this.#problems = problems;
    this.#isTakenAway = compileTakenAway(ownedHeadersOf(configuration));
  }

  async run(): Promise<Compiled> {
    const { services, routes, consumers, server } = this.#configuration;
    const entry = await this.#prepare(this.#configuration.entry, ['entry']);
    const global = await this.#prepare(this.#configuration.plugins, ['plugins']);
    const serviceInstances = new Map<string, Instances>();
    const upstreams = new Map<string, Upstream>();
    for (const [name, options] of Object.entries(services)) {
      const path = ['services', name];
      serviceInstances.set(name, await this.#prepare(options.plugins, [...path, 'plugins']));
      const upstream = compileService(options, this.#ports, server, path, this.#problems);
      if (upstream !== undefined) upstreams.set(name, upstream);
    }
    const list = await this.#prepareConsumers(consumers);
    const known = { list, perConsumer: new Set(list.flatMap(({ instances }) => [...instances.keys()])) };
    const parts = { services, upstreams, isTakenAway: this.#isTakenAway, problems: this.#problems };
    const entries: RouteEntry[] = [];
    for (const [name, options] of Object.entries(routes)) {
      const own = await this.#prepare(options.plugins, ['routes', name, 'plugins']);
      const { service = '' } = options;
      const levels = [global, serviceInstances.get(service) ?? new Map(), own];
      const action = compileAction(name, options, parts);
      const value = this.#route(name, options, { entry, levels, action }, known);
      const { path, hosts = [], methods = [] } = options.match;
      const match = { path: `${options.stripBasePath ?? ''}${path}`, hosts, methods };
      if (value !== undefined) entries.push({ name, match, value });
    }
    if (entries.length > 0 && !this.#authenticates) this.#warnOfConsumers(Object.keys(consumers));
    return { router: this.#router(entries), entry: compileEntry(entry), services: upstreams };
  }

  #route(
    name: string,
    options: RouteOptions,
    { entry, levels, action }: RouteParts,
    consumers: Consumers,
  ): Route | undefined {
    const path = ['routes', name];
    const instances = mostSpecific(levels);
    this.#checkGuard(path, options, [...entry.values(), ...instances.values()]);
    this.#authenticates ||= [...instances.values()].some(({ plugin }) => slotOf(plugin) !== undefined);
    const wrongPath = pathProblem(options.match.path, options.pathAllows);
    if (wrongPath !== undefined) this.#problems.add([...path, 'match', 'path'], wrongPath);
    const wrongBase =
      options.stripBasePath === undefined ? undefined : basePathProblem(options.stripBasePath);
    if (wrongBase !== undefined) this.#problems.add([...path, 'stripBasePath'], wrongBase);
    const headersAllow = this.#problems.attempt([...path, 'headersAllow'], () =>
      compileAllowedHeaders(options.headersAllow, this.#isTakenAway),
    );
    if (action === undefined || wrongPath !== undefined || wrongBase !== undefined) return undefined;
    if (headersAllow === undefined) return undefined;
    const { perConsumer, list } = consumers;
    const chainOf = (applying: Instances) => {
      const chain = compileChain(applying, perConsumer);
      return this.#ports.headOnly === true ? headOnly(chain) : chain;
    };
    const chain = chainOf(instances);
    const chains = list.map(
      (consumer): ConsumerChain => ({
        id: consumer.id,
        matches: consumer.matches,
        restricts: [...consumer.instances.values()].some(({ plugin }) => plugin.guard !== undefined),
        chain: consumer.instances.size === 0 ? chain : chainOf(mostSpecific([instances, consumer.instances])),
      }),
    );
    return Object.freeze({
      name,
      chain,
      consumers: chains,
      ...(this.#limitsByConsumer(name, chain, chains) && { limitsByConsumer: true as const }),
      service: options.service,
      action,
      pathAllows: options.pathAllows,
      basePath: options.stripBasePath ?? '',
      headersAllow,
    });
  }

  /** Whether a consumer's larger limit counts on this route; where it cannot, says so. */
  #limitsByConsumer(route: string, chain: Chain, consumers: readonly ConsumerChain[]): boolean {
    const larger = consumers.filter((consumer) => consumer.chain.maxBodyBytes > chain.maxBodyBytes);
    if (isKnownByHead(chain)) return larger.length > 0;
    for (const { id } of larger) {
      this.#problems.warn(
        ['consumers', id, 'plugins'],
        `on the route ${route} the body is read before the consumer is known, so the route's limit of ${chain.maxBodyBytes} bytes holds`,
        "raise the route's own limit, size-limit or maxBody",
      );
    }
    return false;
  }

  #checkGuard(path: Path, options: RouteOptions, applying: readonly Instance[]): void {
    const guards = applying.filter(({ plugin }) => plugin.guard !== undefined);
    const holding = guards.find(({ hooks }) => hooks.admitsAll !== true);
    if (holding !== undefined) {
      if (options.open)
        this.#problems.warn(
          [...path, 'open'],
          `it opens nothing: ${holding.plugin.name} guards this route all the same`,
          'remove open, or the plugin',
        );
      return;
    }
    if (options.open) return;
    const known = (plugins as readonly Plugin[]).filter(({ guard }) => guard !== undefined);
    const admitting = guards.map(({ plugin }) => plugin.name).join(' and ');
    this.#problems.add(
      path,
      `no plugin guards this route: anyone could reach its service${admitting && `, since ${admitting} would let everyone through`}`,
      `configure one of ${known.map(({ name }) => name).join(', ')}${admitting && ' that refuses somebody'}, or say open: true`,
    );
  }

  async #prepareConsumers(consumers: Configuration['consumers']): Promise<readonly Consumer[]> {
    const prepared: Consumer[] = [];
    const earlier = new Map<string, string>();
    let everybody: string | undefined;
    for (const [id, options] of Object.entries(consumers)) {
      const instances = await this.#prepare(options.plugins, ['consumers', id, 'plugins']);
      try {
        const compileMatch = expressionCompiler(this.#problems.warnBelow(['consumers', id]));
        const expression = await compileMatch(options.match, 'boolean', ['match']);
        const source = options.match.trim();
        const before = everybody ?? earlier.get(source);
        if (before !== undefined)
          this.#problems.warn(
            ['consumers', id, 'match'],
            `nobody is ever this consumer: ${before} stands before it and matches the same callers`,
            'the first that matches counts; put the more specific one first',
          );
        earlier.set(source, id);
        if (expression.constant === true) everybody ??= id;
        prepared.push({
          id,
          instances,
          matches: (exchange) => exchange.subject !== undefined && expression(exchange),
        });
      } catch (error) {
        this.#problems.addError(['consumers', id], error);
      }
    }
    return prepared;
  }

  #warnOfConsumers(ids: readonly string[]): void {
    for (const id of ids)
      this.#problems.warn(
        ['consumers', id],
        'nobody is ever this consumer: no route has a plugin that finds out who calls',
        'its plugins never run; configure webhook, or put them at the route',
      );
  }

  /** Creates the plugins of one place, each once. */
  async #prepare(options: PluginOptions, path: Path): Promise<Instances> {
    const instances = new Map<string, Instance>();
    for (const plugin of plugins as readonly Plugin[]) {
      const own = options[plugin.name];
      if (own === undefined) continue;
      try {
        const instance = { plugin, hooks: await this.#create(plugin, own, [...path, plugin.name]) };
        instances.set(plugin.name, instance);
        this.#checkBodyLimit(instance, [...path, plugin.name]);
      } catch (error) {
        this.#problems.addError([...path, plugin.name], error);
        // A placeholder, so that one wrong plugin does not cause further errors.
        instances.set(plugin.name, { plugin, hooks: {} });
      }
    }
    return instances;
  }

  #checkBodyLimit({ hooks: { body } }: Instance, path: Path): void {
    const most = this.#ports.mostHeldBodyBytes?.(this.#configuration.server) ?? Number.POSITIVE_INFINITY;
    if (body?.kind === 'all' && body.limitBytes > most)
      this.#problems.warn(
        path,
        `it takes bodies of up to ${body.limitBytes} bytes, and the requests of one address can hold ${most}: larger bodies are refused`,
        'raise server.limits.memoryPerAddress, or lower the limit here',
      );
  }

  /** What an authorizer cannot run it does not create: so it need not be allowed to read a webhook's secret. */
  #create(plugin: Plugin, options: unknown, path: Path): Hooks | Promise<Hooks> {
    this.#checkHosts(plugin, path);
    if (this.#ports.headOnly === true && plugin.readsBody === true) return neverRun;
    const warn = this.#problems.warnBelow(path);
    return plugin.create(options, {
      ...lend(plugin, this.#ports),
      warn,
      compile: expressionCompiler(warn),
    });
  }

  #checkHosts(plugin: Plugin, path: Path): void {
    for (const host of this.#ports.hosts ?? []) {
      const missing = missingOn(host, plugin);
      if (missing.length > 0)
        this.#problems.warn(
          path,
          `it uses ${missing.join(' and ')}, which ${host.name} does not have`,
          'this configuration does not load there',
        );
    }
  }

  #router(entries: readonly RouteEntry[]): Router<Route> {
    try {
      return createRouter(entries);
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      const [index = 0] = error.path;
      this.#problems.add(['routes', entries[Number(index)]?.name ?? '', 'match'], error.message);
      return createRouter<Route>([]);
    }
  }
}

/** Stands where a chain is cut off. */
const neverRun: Hooks = {
  body: { kind: 'all', limitBytes: 0 },
  access: () => {
    throw new Error('a plugin that reads the body was run on the head alone');
  },
};
