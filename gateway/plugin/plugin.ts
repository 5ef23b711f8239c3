import type { Warn } from '../../base/schema/configuration-error.ts';
import type { Schema } from '../../base/schema/schema.ts';
import type { RefusalKind } from '../answer/refusal.ts';
import type { Verdict } from '../answer/verdict.ts';
import type { Expression, Names, ResultKind, ResultTypes } from '../expression/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { Metrics } from '../ports/metrics.ts';
import type { Secrets } from '../ports/secrets.ts';
import type { Exchange, Head } from '../request/exchange.ts';

/**
 * Where a plugin may be configured. The most specific configuration wins, whole: consumer, route, service, global. `entry` is before a
 * route is known, beside whatever the others say.
 */
export type Scope = 'entry' | 'global' | 'service' | 'route' | 'consumer';

/** What a plugin finds out: who calls, or from which device. Of the plugins for one of them, the first that takes responsibility ends it. */
export type Slot = 'subject' | 'device';

/**
 * Why a plugin guards a route: it finds out who calls, or it restricts who may. One that finds the subject gives it its own name as
 * type, and never a secret as id: `credentials` of consumers name both.
 */
export type Guard = { readonly authenticates: Slot } | { readonly restricts: true };

/**
 * One policy: its name is its file, its key in the configuration, its page in the docs and its label in metrics.
 *
 * Everything that can be prepared is prepared by `create`, once for each place where it is configured, when a
 * configuration is loaded; consumers with equal options share one. What it gives back is closures over that state; they run for each request.
 */
export interface Plugin<Options = unknown, Used extends PortName = PortName> {
  readonly name: string;
  /** Higher runs first; ties by name. Authenticating plugins lie above 1000, those that need to know who it is below. */
  readonly priority: number;
  /** A route needs a plugin that guards it, or says `open: true`. */
  readonly guard?: Guard;
  readonly scopes: readonly Scope[];
  /** Whether it needs the body whatever its options are: an authorizer, which has none, does not even create it. */
  readonly readsBody?: true;
  /** The ports that `create` gets. A host that lacks one does not load a configuration with this plugin. Default: none. */
  readonly uses?: readonly Used[];
  /** Declared once: parses, types, JSON Schema, and the reference page come from it. */
  readonly options: Schema<Options>;
  /** Its refusals, as made by `refusals`: codes, statuses and public titles. */
  readonly refusals?: { readonly table: Readonly<Record<string, RefusalKind>> };
  /**
   * What it adds to the names of expressions, on every route: read from what its hooks put into `exchange.attributes`, and
   * unknown where they did not. No two plugins add the same name.
   */
  readonly names?: Names<Exchange>;
  /**
   * The headers that are the gateway's own to say because of these options: no target gets them from a client, in any spelling, on any
   * route of the configuration. Expressions and plugins still read what the client sent.
   */
  ownsHeaders?(options: Options): readonly string[];
  /** @throws ConfigurationError with the path of the option that is wrong */
  create(options: Options, host: Host<Used>): Hooks | Promise<Hooks>;
}

/** How much of the request's body the hooks want to see: none, or all of it up to a limit. */
export type BodyNeed = { readonly kind: 'none' } | { readonly kind: 'all'; readonly limitBytes: number };

/** What a configured plugin does, phase by phase; each part is optional. */
export interface Hooks {
  /**
   * Default: none. `access` gets the body that is asked for here; a larger one than `all` allows is refused with 413. Its bytes are
   * those that the target gets: a plugin never changes them.
   */
  readonly body?: BodyNeed;
  /** The most bytes that a body may have, whichever way it travels. The smallest of a route counts. */
  readonly maxBodyBytes?: number;
  /** An exception refuses (the default), or goes on as if the plugin had said next. A malformed verdict always refuses. */
  readonly onError?: 'refuse' | 'next';
  /** Set by a guard whose options let everyone through: then it is no guard of a route. */
  readonly admitsAll?: boolean;
  /**
   * Judges a request before its route is known, at once: also one that no route takes. It runs where the plugin is configured under
   * `entry`; `access` and `head` run at the other levels.
   */
  entry?(arrival: Arrival): Verdict;
  /** This one and `head` edit the headers that the target sees: `exchange.toUpstream`. */
  access?(exchange: Exchange, body: Uint8Array): Verdict | Promise<Verdict>;
  /**
   * In the place of `access`, for a plugin that needs the body: judges the head, at once, before the body is read. A verdict
   * ends the step and nothing is read for it; a function is called with the body, and gives the verdict.
   *
   * Whatever the head alone decides belongs here: what is not read costs neither memory nor time, and a client without
   * credentials gets its refusal without sending its body.
   */
  head?(exchange: Exchange): Verdict | JudgeBody;
  /**
   * Changes the head of an answer on its way to the client: of the target's, of the gateway's own, and of each interim one (status below
   * 200) before it. Returns nothing, at once. A head that cannot be sent as it is becomes a 500.
   */
  answer?(exchange: Exchange, answer: AnswerHead): void;
}

/** What is left to judge once the body is there. */
export type JudgeBody = (body: Uint8Array) => Verdict | Promise<Verdict>;

/** What is known of a request before it has a route. */
export type Arrival = Pick<Head, 'method' | 'path' | 'host' | 'clientIp'>;

/** The head of an answer on its way to the client. Plugins may change it. */
export interface AnswerHead {
  status: number;
  /** Names and values, flat, without hop-by-hop headers. */
  headers: string[];
}

/**
 * Compiles an expression that reads a request: by the names that every request has and those that plugins contribute.
 *
 * The expression throws EvaluationError or StepLimitExceeded for a request that it gives no such value for. A plugin that
 * decides must take that for a refusal.
 *
 * @param path leads from the plugin's options to the expression, for errors and warnings
 * @throws ConfigurationError with line and caret
 */
export type CompileExpression = <Kind extends ResultKind>(
  source: string,
  result: Kind,
  path: readonly (string | number)[],
) => Promise<Expression<Exchange, ResultTypes[Kind]>>;

/** What a host can lend to plugins. */
export interface Ports {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly secrets: Secrets;
}

export type PortName = keyof Ports;

/** What `create` gets: the ports that the plugin uses, never the host itself. */
export type Host<Used extends PortName = PortName> = Pick<Ports, Used> & {
  /** What `postern check` should warn of. The path begins at the plugin's options. */
  readonly warn: Warn;
  /** Compiles an expression of the options. */
  readonly compile: CompileExpression;
};

/** Checks a plugin's shape while TypeScript infers its options, and lets `create` see only the ports that it uses. */
export function definePlugin<Options, Used extends PortName = never>(
  plugin: Plugin<Options, Used>,
): Plugin<Options, Used> {
  return Object.freeze(plugin);
}
