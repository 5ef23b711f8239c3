import type { Hooks, Plugin, Slot } from '../plugin/plugin.ts';
import type { Chain, EntryStep, Step } from './chain.ts';

/** One configured plugin: prepared once for the place where it is configured, shared by all routes it applies to. */
export interface Instance {
  readonly plugin: Plugin;
  readonly hooks: Hooks;
}

/** The plugins that apply, by name. */
export type Instances = ReadonlyMap<string, Instance>;

/** A body may have so many bytes where nothing says otherwise: API Gateway takes no more either. */
const defaultMaxBodyBytes = 10 * 1024 * 1024;
const noBody = Object.freeze({ kind: 'none' } as const);

/** Joins the levels, from the general to the specific: the most specific configuration of a plugin wins, whole. */
export function mostSpecific(levels: readonly Instances[]): Instances {
  return new Map(levels.flatMap((level) => [...level]));
}

/**
 * Compiles the plugins that apply into one array a phase.
 *
 * `perConsumer` names the plugins that some consumer of the route configures: they wait until the consumer is known,
 * whatever their priority, so that one configuration runs and not two.
 */
export function compileChain(instances: Instances, perConsumer: ReadonlySet<string>): Chain {
  const ordered = [...instances.values()].sort(byPriority);
  const { access, consumerAt } = placeConsumer(ordered.flatMap(stepOf), perConsumer);
  const limits = ordered.flatMap(({ hooks }) => hooks.maxBodyBytes ?? []);
  return Object.freeze({
    access,
    consumerAt,
    answer: ordered.flatMap(({ hooks }) => hooks.answer?.bind(hooks) ?? []),
    maxBodyBytes: limits.length === 0 ? defaultMaxBodyBytes : Math.min(...limits),
  });
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

/** What an authorizer can run of a chain: all before the first plugin that needs the body, which it never sees. */
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

/** Whether who calls is known before a plugin asks for the body. */
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

function stepOf({ plugin, hooks }: Instance): Step[] {
  const head = hooks.head?.bind(hooks);
  const run = head === undefined ? hooks.access?.bind(hooks) : afterHead;
  if (run === undefined) return [];
  return [
    Object.freeze({
      plugin: plugin.name,
      authenticates: slotOf(plugin),
      body: hooks.body ?? noBody,
      onError: hooks.onError ?? 'refuse',
      head,
      run,
    }),
  ];
}

/** What a plugin finds out; undefined for one that does not authenticate. */
export function slotOf({ guard }: Plugin): Slot | undefined {
  return guard !== undefined && 'authenticates' in guard ? guard.authenticates : undefined;
}

function afterHead(): never {
  throw new Error('a plugin that judges the head first was run without');
}

function byPriority(a: Instance, b: Instance): number {
  return b.plugin.priority - a.plugin.priority || (a.plugin.name < b.plugin.name ? -1 : 1);
}
