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
 * Where a plugin may be configured. The most specific configuration replaces the others completely: consumer, route, service,
 * global. `entry` is separate: it runs before a route is known.
 */
export type Scope = 'entry' | 'global' | 'service' | 'route' | 'consumer';

/** What an authenticating plugin identifies: the caller, or its device. For each, the first plugin that takes responsibility decides. */
export type Slot = 'subject' | 'device';

/**
 * Why a plugin guards a route: it identifies the caller, or it restricts who may call. The type of a subject is the name of the plugin that
 * found it, and its id is never a secret: `credentials` of consumers name both.
 */
export type Guard = { readonly authenticates: Slot } | { readonly restricts: true };

/**
 * One policy: its name is its file, its key in the configuration, its page in the docs and its label in metrics.
 *
 * `create` prepares everything that can be prepared when a configuration is loaded, once for each place where the plugin is configured.
 * Consumers with equal options share one. It returns closures over that state, which run for each request.
 */
export interface Plugin<Options = unknown, Used extends PortName = PortName> {
  readonly name: string;
  /** Higher runs first; ties by name. Authenticating plugins are above 1000, plugins that need the subject below. */
  readonly priority: number;
  /** A route needs a plugin that guards it, or says `open: true`. Without a hook for its place the plugin does not guard. */
  readonly guard?: Guard;
  readonly scopes: readonly Scope[];
  /** Whether it needs the body with any options: an authorizer, which has no body, does not create it. */
  readonly readsBody?: true;
  /** The ports that `create` gets. A host that lacks one refuses a configuration with this plugin. Default: none. */
  readonly uses?: readonly Used[];
  /** Declared once; types, JSON Schema, parsing and the reference page come from it. */
  readonly options: Schema<Options>;
  /** Its refusals, made by `refusals`: codes, statuses and public titles. */
  readonly refusals?: { readonly table: Readonly<Record<string, RefusalKind>> };
  /**
   * The names that it adds to expressions, on every route. They are read from the values that its hooks put into
   * `exchange.attributes`, and unknown without them. They have the plugin's own name: an expression that mentions it
   * loads the plugin.
   */
  readonly names?: Names<Exchange>;
  /**
   * The headers that only the gateway may set with these options: no target gets them from a client, in any spelling, on any route of the
   * configuration. Expressions and plugins still read the client's values.
   */
  ownsHeaders?(options: Options): readonly string[];
  /** @throws ConfigurationError with the path of the wrong option */
  create(options: Options, host: Host<Used>): Hooks | Promise<Hooks>;
}

/** How much of the request's body the hooks read: nothing, or everything up to a limit. */
export type BodyNeed = { readonly kind: 'none' } | { readonly kind: 'all'; readonly limitBytes: number };

/** The hooks of a configured plugin, by phase; each is optional. */
export interface Hooks {
  /**
   * Default: none. `access` gets the requested body; one that is larger than `all` allows is refused with 413. The target gets the same
   * bytes: a plugin never changes them.
   */
  readonly body?: BodyNeed;
  /** The largest allowed body in bytes, whether it is read or only forwarded. The smallest limit of a route counts. */
  readonly maxBodyBytes?: number;
  /** An exception refuses (the default), or continues as if the plugin had returned next. A malformed verdict always refuses. */
  readonly onError?: 'refuse' | 'next';
  /** Set by a guard whose options allow everyone: then it does not guard a route. */
  readonly admitsAll?: boolean;
  /**
   * Judges a request before its route is known, synchronously, including one that no route matches. It runs where the plugin is
   * configured under `entry`; `access` and `head` run at the other levels.
   */
  entry?(arrival: Arrival): Verdict;
  /** `access` and `head` can edit the headers that the target sees: `exchange.toUpstream`. */
  access?(exchange: Exchange, body: Uint8Array): Verdict | Promise<Verdict>;
  /**
   * Replaces `access` in a plugin that needs the body. It judges the head, synchronously, before the body is read. A verdict ends the
   * step without reading the body; a function is called with the body and returns the verdict.
   *
   * Decide here everything that the head alone can decide: a body that is not read costs neither memory nor time, and a client without
   * credentials is refused before it sends its body.
   */
  head?(exchange: Exchange): Verdict | JudgeBody;
  /**
   * Changes the head of an answer on its way to the client: the target's, the gateway's own, and each interim one (status below 200)
   * before it. Synchronous, without a return value. A head that cannot be sent becomes a 500.
   */
  answer?(exchange: Exchange, answer: AnswerHead): void;
}

/** Judges the body once it was read. */
export type JudgeBody = (body: Uint8Array) => Verdict | Promise<Verdict>;

/** The known parts of a request before it has a route. */
export type Arrival = Pick<Head, 'method' | 'path' | 'host' | 'clientIp'>;

/** The head of an answer on its way to the client. Plugins may change it. */
export interface AnswerHead {
  status: number;
  /** Names and values in turn, without hop-by-hop headers. */
  headers: string[];
}

/**
 * Compiles an expression that reads a request, with the names of every request and those that plugins contribute.
 *
 * The expression throws EvaluationError or StepLimitExceeded if it has no value for a request. A plugin that decides must treat that
 * as a refusal.
 *
 * @param path leads from the plugin's options to the expression, for errors and warnings
 * @throws ConfigurationError with line and caret
 */
export type CompileExpression = <Kind extends ResultKind>(
  source: string,
  result: Kind,
  path: readonly (string | number)[],
) => Promise<Expression<Exchange, ResultTypes[Kind]>>;

/** The ports that a host can provide to plugins. */
export interface Ports {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly secrets: Secrets;
}

export type PortName = keyof Ports;

/** The argument of `create`: the ports that the plugin uses, but not the host itself. */
export type Host<Used extends PortName = PortName> = Pick<Ports, Used> & {
  /** Makes `postern check` warn. The path begins at the plugin's options. */
  readonly warn: Warn;
  /** Compiles an expression in the options. */
  readonly compile: CompileExpression;
};

/** Checks a plugin's shape, lets TypeScript infer its options, and limits `create` to the ports that it uses. */
export function definePlugin<Options, Used extends PortName = never>(
  plugin: Plugin<Options, Used>,
): Plugin<Options, Used> {
  return Object.freeze(plugin);
}
