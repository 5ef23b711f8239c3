import { ConfigurationError } from '../../base/schema/configuration-error.ts';
import type { Chain, EntryStep } from '../pipeline/chain.ts';
import {
  compileChains,
  compileEntry,
  headOnly,
  type Instance,
  type Instances,
  isKnownByHead,
  maxBodyBytesFor,
  mostSpecific,
  type Overrides,
  slotOf,
} from '../pipeline/chains.ts';
import type { Plugin } from '../plugin/plugin.ts';
import { loadAllPlugins } from '../plugins/index.ts';
import {
  compileAllowedHeaders,
  compileTakenAway,
  foldName,
  type IsTakenAway,
} from '../request/header-names.ts';
import type { Action } from '../routing/action.ts';
import type { Route } from '../routing/route.ts';
import { createRouter, type Entry, type Router } from '../routing/router.ts';
import { basePathProblem, pathProblem } from '../routing/target-path.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { type UpstreamLease, Upstreams } from '../upstream/upstreams.ts';
import { compileAction } from './actions.ts';
import type { ProblemCollector } from './collector.ts';
import { type CompiledConsumers, compileConsumers } from './consumers.ts';
import { ownedHeadersOf } from './owned-headers.ts';
import { PluginCreator } from './plugin-creator.ts';
import type { GatewayPorts } from './ports.ts';
import { compileService } from './services.ts';
import type { Configuration } from './shape.ts';

type RouteOptions = Configuration['routes'][string];
type Path = readonly (string | number)[];

export interface Compiled {
  readonly router: Router<Route>;
  readonly entry: readonly EntryStep[];
  readonly services: ReadonlyMap<string, Upstream>;
  /** What keeps requests away, or a header of theirs, such as `plugins: source-ip`, `routes.github: webhook` or `own: x-team`. */
  readonly protections: ReadonlySet<string>;
  /** Ends what was prepared. */
  readonly close: () => Promise<void>;
}

interface RouteEntry extends Entry<Route> {
  readonly name: string;
}

interface RouteParts {
  /** The plugins that run before the route is known. */
  readonly entry: Instances;
  /** The plugins of the route, from the general level to the specific. */
  readonly levels: readonly Instances[];
  readonly action: Action | undefined;
}

/** Prepares everything in a configuration, with the plugins that it mentions. Errors go to `problems`; the result is valid only if there are none. */
export async function compile(
  configuration: Configuration,
  plugins: readonly Plugin[],
  ports: GatewayPorts,
  problems: ProblemCollector,
): Promise<Compiled> {
  const compiler = new Compiler(configuration, plugins, ports, problems);
  try {
    return await compiler.run();
  } catch (error) {
    await compiler.close();
    throw error;
  }
}

class Compiler {
  readonly #configuration: Configuration;
  readonly #plugins: readonly Plugin[];
  readonly #ports: GatewayPorts;
  readonly #problems: ProblemCollector;
  readonly #isTakenAway: IsTakenAway;
  /** The plugins of routes that identify the caller. */
  readonly #identifying = new Set<string>();
  readonly #leases: UpstreamLease[] = [];
  readonly #protections = new Set<string>();

  constructor(
    configuration: Configuration,
    plugins: readonly Plugin[],
    ports: GatewayPorts,
    problems: ProblemCollector,
  ) {
    this.#configuration = configuration;
    this.#plugins = plugins;
    this.#ports = ports;
    this.#problems = problems;
    const owned = ownedHeadersOf(configuration, plugins);
    for (const name of owned) this.#protections.add(`own: ${foldName(name)}`);
    this.#isTakenAway = compileTakenAway(owned);
  }

  async run(): Promise<Compiled> {
    const { services, routes, server } = this.#configuration;
    const create = new PluginCreator(this.#plugins, server, this.#ports, this.#problems, this.#isTakenAway);
    const entry = await create.all(this.#configuration.entry, ['entry']);
    const global = await create.all(this.#configuration.plugins, ['plugins']);
    this.#protect('entry', [...entry.values()]);
    this.#protect('plugins', [...global.values()]);
    const shared = this.#ports.upstreams ?? new Upstreams();
    const serviceInstances = new Map<string, Instances>();
    const upstreams = new Map<string, Upstream>();
    for (const [name, options] of Object.entries(services)) {
      serviceInstances.set(name, await create.all(options.plugins, ['services', name, 'plugins']));
      const lease = await compileService(name, options, this.#ports, server, shared, this.#problems);
      if (lease === undefined) continue;
      this.#leases.push(lease);
      upstreams.set(name, lease.upstream);
    }
    const consumers = await compileConsumers(this.#configuration.consumers, create, this.#problems);
    for (const { id, overrides } of consumers.list)
      this.#protect(`consumers.${id}`, guardsOf([...overrides.instances.values()]));
    const parts = { services, upstreams, isTakenAway: this.#isTakenAway, problems: this.#problems };
    const entries: RouteEntry[] = [];
    for (const [name, options] of Object.entries(routes)) {
      const own = await create.all(options.plugins, ['routes', name, 'plugins']);
      const { service = '' } = options;
      const levels = [global, serviceInstances.get(service) ?? new Map(), own];
      const action = compileAction(name, options, parts);
      const value = await this.#route(name, options, { entry, levels, action }, consumers);
      const { path, hosts = [], methods = [] } = options.match;
      const match = { path: `${options.stripBasePath ?? ''}${path}`, hosts, methods };
      if (value !== undefined) entries.push({ name, match, value });
    }
    if (entries.length > 0) consumers.warnOfNobody(this.#identifying);
    return {
      router: this.#router(entries),
      entry: compileEntry(entry),
      services: upstreams,
      protections: this.#protections,
      close: () => this.close(),
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#leases.map((lease) => lease.release()));
  }

  async #route(
    name: string,
    options: RouteOptions,
    { entry, levels, action }: RouteParts,
    consumers: CompiledConsumers,
  ): Promise<Route | undefined> {
    const path = ['routes', name];
    const instances = mostSpecific(levels);
    const judging = [
      ...[...entry.values()].filter(({ hooks }) => hooks.entry !== undefined),
      ...[...instances.values()].filter(({ step }) => step !== undefined),
    ];
    await this.#checkGuard(path, options, judging);
    for (const { plugin } of instances.values())
      if (slotOf(plugin) === 'subject') this.#identifying.add(plugin.name);
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
    const shape = this.#ports.headOnly === true ? headOnly : undefined;
    const { chain, chainFor } = compileChains(instances, consumers.plugins, shape);
    return Object.freeze({
      name,
      chain,
      chainFor,
      consumers: consumers.consumers,
      ...(this.#limitsByConsumer(name, chain, instances, consumers) && { limitsByConsumer: true as const }),
      service: options.service,
      action,
      pathAllows: options.pathAllows,
      basePath: options.stripBasePath ?? '',
      headersAllow,
    });
  }

  /** Whether a consumer's larger limit applies on this route; warns if it cannot. */
  #limitsByConsumer(
    route: string,
    chain: Chain,
    instances: Instances,
    consumers: CompiledConsumers,
  ): boolean {
    // An authorizer does not limit bodies.
    if (this.#ports.headOnly === true) return false;
    const { maxBodyBytes } = chain;
    const isLarger = (overrides: Overrides) =>
      overrides.maxBodyBytes > maxBodyBytes && maxBodyBytesFor(instances, overrides) > maxBodyBytes;
    const { list, overrides } = consumers;
    if (isKnownByHead(chain)) return overrides.some(isLarger);
    const larger = new Set(overrides.filter(isLarger));
    const [first, ...others] = larger.size === 0 ? [] : list.filter((one) => larger.has(one.overrides));
    if (first === undefined) return false;
    const more = others.length === 0 ? '' : ` and ${others.length} more`;
    this.#problems.warn(
      ['routes', route],
      `the body is read before the consumer is known, so its limit of ${maxBodyBytes} bytes applies instead of the larger one of ${first.id}${more}`,
      "raise the route's own limit, size-limit or maxBody",
    );
    return false;
  }

  /** Notes which plugins keep requests away from a place, and gives them: not those that let everyone through. */
  #protect(place: string, instances: readonly Instance[]): readonly Instance[] {
    const holding = instances.filter(({ hooks }) => hooks.admitsAll !== true);
    for (const { plugin } of holding) this.#protections.add(`${place}: ${plugin.name}`);
    return holding;
  }

  async #checkGuard(path: Path, options: RouteOptions, applying: readonly Instance[]): Promise<void> {
    const guards = guardsOf(applying);
    const [holding] = this.#protect(path.join('.'), guards);
    if (holding !== undefined) {
      if (options.open)
        this.#problems.warn(
          [...path, 'open'],
          `it has no effect: ${holding.plugin.name} guards this route`,
          'remove open, or the plugin',
        );
      return;
    }
    if (options.open) return;
    const known = (await loadAllPlugins(this.#plugins)).filter(({ guard }) => guard !== undefined);
    const admitting = guards.map(({ plugin }) => plugin.name).join(' and ');
    this.#problems.add(
      path,
      `no plugin guards this route, so anyone could reach its service${admitting && `: ${admitting} would allow everyone`}`,
      `configure one of ${known.map(({ name }) => name).join(', ')}${admitting && ' so that it refuses some requests'}, or write open: true`,
    );
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

function guardsOf(instances: readonly Instance[]): readonly Instance[] {
  return instances.filter(({ plugin }) => plugin.guard !== undefined);
}
