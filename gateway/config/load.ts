import { ignore } from '../../base/ignore.ts';
import { everything } from '../../base/named.ts';
import { jsonSchema, type Parsed, parse } from '../../base/schema/schema.ts';
import { Gateway } from '../gateway.ts';
import type { FinishedRequest } from '../observe/finished-request.ts';
import { measureRequests } from '../observe/request-metrics.ts';
import type { Plugin } from '../plugin/plugin.ts';
import { loadAllPlugins, loadPlugins } from '../plugins/index.ts';
import { ProblemCollector } from './collector.ts';
import { compile } from './compile.ts';
import { type ConfigurationSource, parseDocument } from './document.ts';
import { mentionsOf } from './mentions.ts';
import type { GatewayPorts } from './ports.ts';
import { type ConfigurationProblem, formatProblem } from './problems.ts';
import type { ServerOptions } from './server-options.ts';
import { type Configuration, configurationShape } from './shape.ts';

/** The result of loading a configuration. */
export interface LoadedConfiguration {
  readonly gateway: Gateway;
  /** `server` of the configuration, for the host that uses it. */
  readonly server: ServerOptions;
  /**
   * What keeps requests away, or a header of theirs: the plugins for every request, the guards of each route and consumer, and the headers
   * that plugins own, such as `plugins: size-limit`, `routes.github: webhook`, `own: x-team`.
   */
  readonly protections: ReadonlySet<string>;
}

/**
 * Loads a configuration and the plugins that it mentions: parses, checks and compiles it, and reads its secrets.
 *
 * @throws InvalidConfiguration with all errors; in that case nothing is left open
 */
export async function loadGateway(
  source: ConfigurationSource,
  ports: GatewayPorts,
): Promise<LoadedConfiguration> {
  const document = await parseDocument(source);
  const problems = new ProblemCollector(document);
  function logWarnings(warnings: readonly ConfigurationProblem[]): void {
    const texts = warnings.map((warning) => formatProblem(source.file, warning));
    ports.log.warn('configuration-warnings', { warnings: texts });
  }
  const value = document.value ?? {};
  const plugins = await loadPlugins(mentionsOf(value));
  const parsed = parse(configurationShape(plugins), value);
  if (!parsed.ok) return refuse(value, await loadAllPlugins(plugins), problems);
  const compiled = await compile(parsed.value, plugins, ports, problems);
  const warnings = problems.warnings();
  if (warnings.length > 0) (ports.warned ?? logWarnings)(warnings);
  const gateway = new Gateway({ ...compiled, clock: ports.clock, log: ports.log }, observerOf(ports));
  try {
    problems.throwIfAny();
  } catch (error) {
    await gateway.close();
    throw error;
  }
  problems.release();
  return { gateway, server: parsed.value.server, protections: compiled.protections };
}

/** Measures each request before the host is told of it, so that the line which the host then writes has the metrics too. */
function observerOf({ metrics, finished = ignore }: GatewayPorts): (record: FinishedRequest) => void {
  if (metrics === undefined) return finished;
  const measure = measureRequests(metrics);
  return function observe(record) {
    measure(record);
    finished(record);
  };
}

/** Reports what is wrong with a value. The hints name everything in these plugins. @throws InvalidConfiguration */
function refuse(value: unknown, plugins: readonly Plugin[], problems: ProblemCollector): never {
  const shape = configurationShape(plugins);
  const parsed: Parsed<Configuration> = parse(shape, value);
  const known = knownKeysOf(jsonSchema(shape));
  if (!parsed.ok) for (const problem of parsed.problems) problems.addSchema(problem, known);
  problems.throwIfAny();
  throw new Error('a schema refused without saying why');
}

/** The JSON Schema of postern.yaml, for editors. */
export async function configurationSchema(): Promise<Record<string, unknown>> {
  const plugins = await loadPlugins(everything);
  return { title: 'postern.yaml', ...jsonSchema(configurationShape(plugins)) };
}

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
}

/** Returns the valid keys at a path, read from the JSON Schema, which is made only if something is wrong. */
function knownKeysOf(schema: SchemaNode): (path: readonly (string | number)[]) => readonly string[] {
  return function knownKeys(path) {
    let node: SchemaNode | undefined = schema;
    for (const key of path) {
      const here: SchemaNode = node ?? {};
      const other = typeof here.additionalProperties === 'object' ? here.additionalProperties : undefined;
      node = typeof key === 'number' ? here.items : (here.properties?.[key] ?? other);
    }
    return [node, ...(node?.anyOf ?? [])].flatMap((one) => Object.keys(one?.properties ?? {}));
  };
}
