import type { Hooks, Plugin, Slot } from '../plugin/plugin.ts';
import type { AnswerStep, Chain, EntryStep, Step } from './chain.ts';

/** One configured plugin, prepared once where it is configured, and shared by all routes that it applies to. */
export interface Instance {
  readonly plugin: Plugin;
  readonly hooks: Hooks;
  /** Its step in the chains of all routes; undefined if it does not have this hook. */
  readonly step: Step | undefined;
  readonly answer: AnswerStep | undefined;
}

/** The plugins that apply, by name. */
export type Instances = ReadonlyMap<string, Instance>;

/** The plugins of a consumer. Consumers with equal plugins share this object, and a route keeps one chain for it. */
export interface Overrides {
  readonly instances: Instances;
  /** Whether one of them guards: then a request that may be the consumer's is not admitted without them. */
  readonly restricts: boolean;
  /** The smallest of their limits; Infinity if they have none. */
  readonly maxBodyBytes: number;
}

/** The default limit for a body; API Gateway has the same. */
const defaultMaxBodyBytes = 10 * 1024 * 1024;
/** The most chains for overrides that a route keeps, each about 250 bytes, because callers determine how many are used. */
const mostKept = 1_000;
const noBody = Object.freeze({ kind: 'none' } as const);

export function createInstance(plugin: Plugin, hooks: Hooks, identity?: string): Instance {
  const step = stepOf(plugin, hooks, identity);
  return Object.freeze({ plugin, hooks, step, answer: hooks.answer?.bind(hooks) });
}

export function createOverrides(instances: Instances): Overrides {
  const list = [...instances.values()];
  return Object.freeze({
    instances,
    restricts: list.some(({ plugin }) => plugin.guard !== undefined),
    maxBodyBytes: smallestLimit(list),
  });
}

/** Joins the levels, from general to specific: the most specific configuration of a plugin replaces the others completely. */
export function mostSpecific(levels: readonly Instances[]): Instances {
  return new Map(levels.flatMap((level) => [...level]));
}

/**
 * Compiles the plugins that apply into one array per phase.
 *
 * `perConsumer` names the plugins that a consumer of the route configures. They wait until the consumer is known, whatever their
 * priority, so that only one of the configurations runs.
 */
export function compileChain(instances: Instances, perConsumer: ReadonlySet<string>): Chain {
  const ordered = [...instances.values()].sort(byPriority);
  const steps = ordered.flatMap(({ step }) => step ?? []);
  const { access, consumerAt } = placeConsumer(steps, perConsumer);
  return Object.freeze({
    access,
    consumerAt,
    answer: ordered.flatMap(({ answer }) => answer ?? []),
    maxBodyBytes: orDefault(smallestLimit(ordered)),
  });
}

/**
 * Compiles the chain of a route, and returns the function for its chain with the plugins of a consumer. That chain is compiled on its
 * first use, in about 2 µs, and kept: compiling the chains of all routes for all consumers at load would take seconds.
 *
 * @param shape transforms each chain, such as `headOnly`
 */
export function compileChains(
  instances: Instances,
  perConsumer: ReadonlySet<string>,
  shape: (chain: Chain) => Chain = (chain) => chain,
): { readonly chain: Chain; readonly chainFor: (overrides: Overrides) => Chain } {
  const chain = shape(compileChain(instances, perConsumer));
  const kept = new Map<Overrides, Chain>();
  function chainFor(overrides: Overrides): Chain {
    if (overrides.instances.size === 0) return chain;
    const known = kept.get(overrides);
    if (known !== undefined) return known;
    const made = shape(compileChain(mostSpecific([instances, overrides.instances]), perConsumer));
    if (kept.size === mostKept) kept.delete(kept.keys().next().value as Overrides);
    kept.set(overrides, made);
    return made;
  }
  return { chain, chainFor };
}

/** The `maxBodyBytes` of a route's chain for the plugins of a consumer, without compiling it. */
export function maxBodyBytesFor(instances: Instances, overrides: Overrides): number {
  let smallest = overrides.maxBodyBytes;
  for (const [name, { hooks }] of instances)
    if (hooks.maxBodyBytes !== undefined && !overrides.instances.has(name))
      smallest = Math.min(smallest, hooks.maxBodyBytes);
  return orDefault(smallest);
}

/** Compiles the plugins that judge a request before its route is known. */
export function compileEntry(instances: Instances): readonly EntryStep[] {
  return [...instances.values()].sort(byPriority).flatMap(({ plugin, hooks }) => {
    const run = hooks.entry?.bind(hooks);
    return run === undefined
      ? []
      : [Object.freeze({ plugin: plugin.name, onError: hooks.onError ?? 'refuse', run })];
  });
}

/** The part of a chain that an authorizer can run: everything before the first plugin that needs the body. */
export function headOnly(chain: Chain): Chain {
  const end = chain.access.findIndex(({ body }) => body.kind !== 'none');
  const access = end < 0 ? chain.access : chain.access.slice(0, end);
  return Object.freeze({
    ...chain,
    access,
    consumerAt: chain.consumerAt <= access.length ? chain.consumerAt : Number.POSITIVE_INFINITY,
    maxBodyBytes: Number.POSITIVE_INFINITY,
  });
}

/** Whether the caller is known before a plugin asks for the body. */
export function isKnownByHead({ access, consumerAt }: Chain): boolean {
  return access.slice(0, consumerAt).every(({ body }) => body.kind === 'none');
}

function placeConsumer(
  steps: readonly Step[],
  perConsumer: ReadonlySet<string>,
): { readonly access: readonly Step[]; readonly consumerAt: number } {
  const boundary = steps.findLastIndex(({ authenticates }) => authenticates !== undefined) + 1;
  const before = steps.slice(0, boundary);
  const kept = before.filter(({ plugin }) => !perConsumer.has(plugin));
  const waiting = before.filter(({ plugin }) => perConsumer.has(plugin));
  return { access: [...kept, ...waiting, ...steps.slice(boundary)], consumerAt: kept.length };
}

function stepOf(plugin: Plugin, hooks: Hooks, identity: string | undefined): Step | undefined {
  const head = hooks.head?.bind(hooks);
  const run = head === undefined ? hooks.access?.bind(hooks) : afterHead;
  if (run === undefined) return undefined;
  return Object.freeze({
    plugin: plugin.name,
    authenticates: slotOf(plugin),
    body: hooks.body ?? noBody,
    onError: hooks.onError ?? 'refuse',
    identity,
    head,
    run,
  });
}

/** The slot that a plugin fills; undefined if it does not authenticate. */
export function slotOf({ guard }: Plugin): Slot | undefined {
  return guard !== undefined && 'authenticates' in guard ? guard.authenticates : undefined;
}

function afterHead(): never {
  throw new Error('a plugin that judges the head first was run without it');
}

function smallestLimit(instances: readonly Instance[]): number {
  return Math.min(...instances.map(({ hooks }) => hooks.maxBodyBytes ?? Number.POSITIVE_INFINITY));
}

function orDefault(limit: number): number {
  return limit === Number.POSITIVE_INFINITY ? defaultMaxBodyBytes : limit;
}

function byPriority(a: Instance, b: Instance): number {
  return b.plugin.priority - a.plugin.priority || (a.plugin.name < b.plugin.name ? -1 : 1);
}
