import { nearest } from '../../base/suggestion.ts';
import { createOverrides, type Instance, type Overrides, slotOf } from '../pipeline/chains.ts';
import { type Consumer, Consumers, type Credential, type MatchedConsumer } from '../pipeline/consumers.ts';
import type { Plugin } from '../plugin/plugin.ts';
import { loadAllPlugins } from '../plugins/index.ts';
import type { Exchange } from '../request/exchange.ts';
import type { ProblemCollector } from './collector.ts';
import type { PluginCreator } from './plugin-creator.ts';
import type { Configuration } from './shape.ts';
import { SharedByValue } from './shared-by-value.ts';

type ConsumerOptions = Configuration['consumers'][string];

/** The consumers of a configuration, prepared. */
export interface CompiledConsumers {
  readonly consumers: Consumers;
  readonly list: readonly Consumer[];
  /** Their different sets of plugins. */
  readonly overrides: readonly Overrides[];
  /** The plugins that at least one consumer configures. */
  readonly plugins: ReadonlySet<string>;
  /** Warns of consumers that cannot match, given the plugins of all routes that identify the caller. */
  warnOfNobody(identifying: ReadonlySet<string>): void;
}

/** Prepares the consumers and their plugins. Errors go to `problems`. */
export async function compileConsumers(
  configured: Configuration['consumers'],
  create: PluginCreator,
  problems: ProblemCollector,
): Promise<CompiledConsumers> {
  const compiler = new ConsumerCompiler(create, problems);
  const instances = new SharedByValue<Instance>(problems);
  const sets = new SharedByValue<Overrides>(problems);
  const list: Consumer[] = [];
  for (const [id, options] of Object.entries(configured)) {
    const path = ['consumers', id, 'plugins'];
    const overrides = await sets.get(options.plugins, async () =>
      createOverrides(await create.all(options.plugins, path, instances)),
    );
    const consumer = { id, overrides };
    list.push(consumer);
    await compiler.add(consumer, options);
  }
  const overrides = [...new Set(list.map((consumer) => consumer.overrides))];
  return {
    consumers: new Consumers(compiler.credentials, compiler.matched),
    list,
    overrides,
    plugins: new Set(overrides.flatMap((one) => [...one.instances.keys()])),
    warnOfNobody(identifying) {
      for (const [id, options] of Object.entries(configured))
        warnOfNobody(id, options, identifying, problems);
    },
  };
}

/** The types of subjects: the names of the plugins that find them. */
function subjectTypesOf(plugins: readonly Plugin[]): readonly string[] {
  return plugins.filter((plugin) => slotOf(plugin) === 'subject').map(({ name }) => name);
}

class ConsumerCompiler {
  readonly credentials: (readonly [Credential, Consumer])[] = [];
  readonly matched: MatchedConsumer[] = [];
  readonly #create: PluginCreator;
  readonly #problems: ProblemCollector;
  readonly #subjectTypes: readonly string[];
  /** The id of each consumer, by its credential as written. */
  readonly #owners = new Map<string, string>();
  /** The id of the first consumer with each expression. */
  readonly #earlier = new Map<string, string>();
  #everybody: string | undefined;

  constructor(create: PluginCreator, problems: ProblemCollector) {
    this.#create = create;
    this.#subjectTypes = subjectTypesOf(create.plugins);
    this.#problems = problems;
  }

  async add(consumer: Consumer, { match, credentials }: ConsumerOptions): Promise<void> {
    const path = ['consumers', consumer.id];
    if (match !== undefined && credentials !== undefined)
      return this.#problems.add([...path, 'match'], 'the consumer also has credentials; keep one of them');
    if (credentials !== undefined) return this.#index(consumer, credentials);
    if (match !== undefined) return this.#match(consumer, match);
    this.#problems.add(
      path,
      'the consumer has neither credentials nor match',
      'list its credentials, or write a match',
    );
  }

  async #index(consumer: Consumer, credentials: readonly string[]): Promise<void> {
    for (const [at, text] of credentials.entries()) {
      const path = ['consumers', consumer.id, 'credentials', at];
      const credential = readCredential(text);
      if (!this.#subjectTypes.includes(credential.type)) {
        const subjectTypes = subjectTypesOf(await loadAllPlugins(this.#create.plugins));
        const message = `no plugin finds subjects of this type; known are ${subjectTypes.join(', ')}`;
        this.#problems.add(path, message, nearest(credential.type, subjectTypes));
      }
      const owner = this.#owners.get(text);
      if (owner !== undefined) {
        const where = owner === consumer.id ? 'is repeated' : `also belongs to the consumer ${owner}`;
        this.#problems.add(path, `this credential ${where}`, 'a credential belongs to only one consumer');
      }
      this.#owners.set(text, consumer.id);
      this.credentials.push([credential, consumer]);
    }
  }

  async #match(consumer: Consumer, match: string): Promise<void> {
    const { id } = consumer;
    try {
      const compile = this.#create.compilerFor(this.#problems.warnBelow(['consumers', id]));
      const expression = await compile(match, 'boolean', ['match']);
      const source = match.trim();
      const before = this.#everybody ?? this.#earlier.get(source);
      if (before !== undefined)
        this.#problems.warn(
          ['consumers', id, 'match'],
          `no caller is ever this consumer: ${before} comes before it and matches the same callers`,
          'the first match counts; put the more specific consumer first',
        );
      this.#earlier.set(source, id);
      if (expression.constant === true) this.#everybody ??= id;
      const matches = (exchange: Exchange) => exchange.subject !== undefined && expression(exchange);
      this.matched.push({ ...consumer, matches });
    } catch (error) {
      this.#problems.addError(['consumers', id], error);
    }
  }
}

/** Reads `TYPE:ID`; a type has no colon, an id may. */
function readCredential(text: string): Credential {
  const colon = text.indexOf(':');
  return { type: text.slice(0, colon), id: text.slice(colon + 1) };
}

function warnOfNobody(
  id: string,
  { credentials }: ConsumerOptions,
  identifying: ReadonlySet<string>,
  problems: ProblemCollector,
): void {
  const types = credentials?.map((text) => readCredential(text).type);
  if (identifying.size > 0 && types?.every((type) => !identifying.has(type)) !== true) return;
  const missing =
    identifying.size === 0 ? 'a plugin that identifies the caller' : [...new Set(types)].join(' or ');
  problems.warn(
    ['consumers', id],
    `no caller is ever this consumer: no route has ${missing}`,
    'its plugins never run; configure webhook, or move them to the route',
  );
}
