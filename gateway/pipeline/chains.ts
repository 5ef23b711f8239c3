import type { Hooks, Plugin } from '../plugin/plugin.ts';
import type { Chain, Step } from './chain.ts';

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
  const rewrite = ordered.flatMap((instance) => step(instance, 'rewrite'));
  const { access, consumerAt } = placeConsumer(
    ordered.flatMap((instance) => step(instance, 'access')),
    perConsumer,
  );
  const limits = ordered.flatMap(({ hooks }) => hooks.maxBodyBytes ?? []);
  return Object.freeze({
    rewrite,
    access,
    consumerAt,
    responseHeaders: ordered.flatMap(({ hooks }) => hooks.responseHeaders?.bind(hooks) ?? []),
    responseBody: ordered.flatMap(({ hooks }) => hooks.responseBody?.bind(hooks) ?? []),
    log: ordered.flatMap(({ hooks }) => hooks.log?.bind(hooks) ?? []),
    maxBodyBytes: limits.length === 0 ? defaultMaxBodyBytes : Math.min(...limits),
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
  const boundary = steps.findLastIndex(({ authenticates }) => authenticates) + 1;
  const before = steps.slice(0, boundary);
  const kept = before.filter(({ plugin }) => !perConsumer.has(plugin));
  const waiting = before.filter(({ plugin }) => perConsumer.has(plugin));
  return { access: [...kept, ...waiting, ...steps.slice(boundary)], consumerAt: kept.length };
}

function step({ plugin, hooks }: Instance, phase: 'rewrite' | 'access'): Step[] {
  const head = phase === 'access' ? hooks.head?.bind(hooks) : undefined;
  const run = head === undefined ? hooks[phase]?.bind(hooks) : afterHead;
  if (run === undefined) return [];
  return [
    Object.freeze({
      plugin: plugin.name,
      authenticates: phase === 'access' && plugin.guard === 'authenticates',
      body: phase === 'access' ? (hooks.body ?? noBody) : noBody,
      onError: hooks.onError ?? 'refuse',
      head,
      run,
    }),
  ];
}

function afterHead(): never {
  throw new Error('a plugin that judges the head first was run without');
}

function byPriority(a: Instance, b: Instance): number {
  return b.plugin.priority - a.plugin.priority || (a.plugin.name < b.plugin.name ? -1 : 1);
}
