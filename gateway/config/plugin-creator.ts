import { hash } from 'node:crypto';
import type { Warn } from '../../base/schema/configuration-error.ts';
import { createInstance, type Instance, type Instances } from '../pipeline/chains.ts';
import type { CompileExpression, Hooks, Plugin, Ports } from '../plugin/plugin.ts';
import type { IsTakenAway } from '../request/header-names.ts';
import type { ProblemCollector } from './collector.ts';
import { expressionCompilers } from './expressions.ts';
import { lend, missingOn } from './lend.ts';
import type { GatewayPorts } from './ports.ts';
import type { ServerOptions } from './server-options.ts';
import type { PluginOptions } from './shape.ts';
import { type SharedByValue, textOf } from './shared-by-value.ts';

type Path = readonly (string | number)[];

/** Creates the plugins of a configuration. Errors go to `problems`. */
export class PluginCreator {
  /** Those that it can create: all that the configuration mentions. */
  readonly plugins: readonly Plugin[];
  /** Gives the compiler of expressions for one part of the configuration. */
  readonly compilerFor: (warn: Warn) => CompileExpression;
  readonly #server: ServerOptions;
  readonly #ports: GatewayPorts;
  readonly #problems: ProblemCollector;

  constructor(
    plugins: readonly Plugin[],
    server: ServerOptions,
    ports: GatewayPorts,
    problems: ProblemCollector,
    isTakenAway?: IsTakenAway,
  ) {
    this.plugins = plugins;
    this.compilerFor = expressionCompilers(plugins, isTakenAway);
    this.#server = server;
    this.#ports = ports;
    this.#problems = problems;
  }

  /** Creates the plugins configured in one place, each once. With `shared`, places with equal options share a plugin. */
  async all(options: PluginOptions, path: Path, shared?: SharedByValue<Instance>): Promise<Instances> {
    const instances = new Map<string, Instance>();
    for (const plugin of this.plugins) {
      const { name } = plugin;
      const own = options[name];
      if (own === undefined) continue;
      const make = () => this.#one(plugin, own, [...path, name]);
      instances.set(name, await (shared === undefined ? make() : shared.get([name, own], make)));
    }
    return instances;
  }

  async #one(plugin: Plugin, options: unknown, path: Path): Promise<Instance> {
    try {
      const read: string[] = [];
      const hooks = await this.#create(plugin, options, path, read);
      const needsBody = hooks.body !== undefined && hooks.body.kind !== 'none';
      const identity = needsBody ? textOf([options, read.sort()]) : undefined;
      const instance = createInstance(plugin, hooks, identity);
      this.#checkBodyLimit(instance, path);
      return instance;
    } catch (error) {
      this.#problems.addError(path, error);
      // A placeholder, so that one wrong plugin does not cause further errors.
      return createInstance(plugin, placeholder);
    }
  }

  #checkBodyLimit({ hooks: { body } }: Instance, path: Path): void {
    const most = this.#ports.mostHeldBodyBytes?.(this.#server) ?? Number.POSITIVE_INFINITY;
    if (body?.kind === 'all' && body.limitBytes > most)
      this.#problems.warn(
        path,
        `it accepts bodies of up to ${body.limitBytes} bytes, but the requests of one address can hold only ${most}: larger bodies are refused`,
        'raise server.limits.memoryPerAddress, or lower the limit here',
      );
  }

  /** Does not create plugins that an authorizer cannot run, so that it needs no permission to read a webhook's secret. */
  #create(plugin: Plugin, options: unknown, path: Path, read: string[]): Hooks | Promise<Hooks> {
    this.#checkHosts(plugin, path);
    if (this.#ports.headOnly === true && plugin.readsBody === true) return neverRun;
    const warn = this.#problems.warnBelow(path);
    return plugin.create(options, {
      ...noting(lend(plugin, this.#ports), read),
      warn,
      compile: this.compilerFor(warn),
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
}

/** The same ports; a digest of each secret that is read goes to `read`. */
function noting(ports: Ports, read: string[]): Ports {
  const { secrets } = ports;
  if (secrets === undefined) return ports;
  async function get(reference: string): Promise<Uint8Array> {
    const bytes = await secrets.get(reference);
    read.push(hash('sha256', bytes));
    return bytes;
  }
  return { ...ports, secrets: { ...secrets, get } };
}

function neverRuns(): never {
  throw new Error('a plugin that was not created was run');
}

/** Ends a chain that is cut off. */
const neverRun: Hooks = { body: { kind: 'all', limitBytes: 0 }, access: neverRuns };

/** Judges wherever it stands, like the plugin that it stands for. */
const placeholder: Hooks = { entry: neverRuns, access: neverRuns };
