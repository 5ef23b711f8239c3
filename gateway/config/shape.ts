import { type Schema, s } from '../../base/schema/schema.ts';
import type { Plugin, Scope } from '../plugin/plugin.ts';
import { canonicalHost } from '../request/host.ts';
import { pathAllowances } from '../request/path.ts';
import { pathEncodings } from '../routing/target-path.ts';
import { transportForms } from '../upstream/transports/index.ts';
import { serverOptions } from './server-options.ts';

/** Options by the name of their plugin, already parsed. */
export type PluginOptions = Readonly<Record<string, unknown>>;

const name = s.string({
  max: 63,
  pattern: /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/,
  message: 'expected a name of lower-case letters, digits and hyphens',
});
const host = s.refine(s.string({ max: 253 }), function oneForm(text) {
  const form = canonicalHost(text.toLowerCase());
  if (form === undefined) return 'expected a host name in lower case, without port';
  return form === text ? undefined : `write it as ${form}: requests are matched in that form`;
});
const method = s.refine(
  s.string({
    max: 32,
    pattern: /^[A-Z][A-Z-]*$/,
    message: 'expected a method in upper case, such as POST',
  }),
  function notConnect(name) {
    return name === 'CONNECT'
      ? 'CONNECT opens a tunnel, which the gateway does not do; remove it'
      : undefined;
  },
);

/** An empty list looks as if nothing should match, a missing one as if anything should. */
const emptyList = 'an empty list would match nothing; leave it out to match any, or remove the route';

const service = {
  targets: s.describe(
    s.list(
      s.object({
        url: s.describe(
          s.string({ max: 2048 }),
          'Where the target listens: http://HOST:PORT or https://HOST:PORT.',
        ),
        weight: s.withDefault(s.integer(1, 100), 1),
      }),
      { min: 1, max: 256 },
    ),
    'The addresses of the service, taken in turn.',
  ),
  transport: s.describe(s.string({ max: 512 }), `How targets are reached: ${transportForms.join(', ')}.`),
  timeout: s.describe(s.withDefault(s.duration({ min: 1 }), '10s'), 'How long an answer may take to begin.'),
  idleTimeout: s.describe(
    s.withDefault(s.duration({ min: 1 }), '60s'),
    'How long an answer that has begun may be silent.',
  ),
  host: s.describe(
    s.withDefault(s.oneOf(['target', 'client']), 'target'),
    'Whose host the target sees: its own, or the one that the client asked for.',
  ),
  rewriteLocation: s.describe(
    s.withDefault(s.boolean(), false),
    "Whether locations and cookies that name the target's own host are rewritten to the client's.",
  ),
  connections: s.describe(s.withDefault(s.integer(1, 10_000), 256), 'Connections to each target at most.'),
  pending: s.describe(
    s.withDefault(s.integer(0, 100_000), 1_000),
    'Requests that may wait for a connection when all are in use.',
  ),
};

const answer = s.object({
  status: s.describe(s.integer(200, 599), 'The status of the answer.'),
  headers: s.describe(
    s.withDefault(s.map(s.string({ max: 128 }), s.oneOrMore(s.string({ min: 0, max: 8192 }))), {}),
    'Names of headers, and one value or a list of them for each.',
  ),
  body: s.describe(
    s.optional(s.string({ min: 0, max: 65_536 })),
    'The body, as text. Its content-type is text/plain unless headers has one.',
  ),
});

const route = {
  match: s.object({
    hosts: s.describe(
      s.optional(s.list(host, { min: 1, tooFew: emptyList })),
      'Names that the client may have asked for. Left out: any.',
    ),
    path: s.describe(s.string({ max: 2048 }), 'An exact path, or a prefix that ends in /*.'),
    methods: s.describe(
      s.optional(s.list(method, { min: 1, tooFew: emptyList })),
      'Methods. Left out: any but TRACE, TRACK and CONNECT.',
    ),
  }),
  service: s.describe(
    s.optional(s.string({ max: 63 })),
    'The name of the service that requests go to; or answer in its place.',
  ),
  answer: s.describe(
    s.optional(answer),
    'The answer that the route gives to every request by itself, such as a redirect.',
  ),
  delivery: s.describe(
    s.withDefault(s.oneOf(['proxied']), 'proxied'),
    'The client waits for the answer of the target.',
  ),
  respond: s.describe(
    s.withDefault(s.oneOf(['full', 'headers', 'status', 'none']), 'full'),
    "What of the target's answer goes back.",
  ),
  targetPath: s.describe(
    s.withDefault(s.string({ max: 2048 }), 'keep'),
    'The path that the target sees: keep, strip (without the matched prefix) or a fixed one such as /webhook.',
  ),
  pathAllows: s.describe(
    s.withDefault(s.list(s.oneOf(pathAllowances)), []),
    'Irregularities that paths may have: an encoded slash, an encoding of an encoding, a path parameter, an empty segment, a segment that ends in a dot or a blank.',
  ),
  pathEncoding: s.describe(
    s.withDefault(s.oneOf(pathEncodings), 'canonical'),
    "The encoding of the path that the target sees: canonical, or keep for the client's own.",
  ),
  stripBasePath: s.describe(
    s.optional(s.string({ max: 1024 })),
    'A path that a platform puts before all paths, such as /base: it must be there, and is taken off before anything is decided.',
  ),
  headersAllow: s.describe(
    s.withDefault(s.list(s.string({ max: 128 }), { max: 64 }), []),
    'Names of headers with characters other than letters, digits and hyphens that are let through.',
  ),
  open: s.describe(s.withDefault(s.boolean(), false), 'Allows this route to have no plugin that guards it.'),
};

const credential = s.string({
  max: 1024,
  pattern: /^[a-z0-9]([a-z0-9-]*[a-z0-9])?:\S(.*\S)?$/,
  message: 'expected TYPE:ID, such as webhook:github',
});

const consumer = {
  credentials: s.describe(
    s.optional(
      s.list(credential, {
        min: 1,
        tooFew: 'an empty list would match nobody; list a credential, or remove the consumer',
      }),
    ),
    'Subjects that are this consumer, each as TYPE:ID: the plugin that finds out who calls, and the id that it gives the caller. No secret.',
  ),
  match: s.describe(
    s.optional(s.string()),
    'In place of credentials: an expression on `subject` that is true for this consumer.',
  ),
};

/** Makes the shape of postern.yaml, the whole public configuration, with these plugins. */
export function configurationShape(plugins: readonly Plugin[]) {
  function pluginsAt(scope: Scope): Schema<PluginOptions> {
    const entries = plugins.filter((plugin) => plugin.scopes.includes(scope));
    const shape = Object.fromEntries(entries.map((plugin) => [plugin.name, s.optional(plugin.options)]));
    return s.withDefault(s.object(shape), {}) as Schema<PluginOptions>;
  }
  return s.object({
    services: s.withDefault(s.map(name, s.object({ ...service, plugins: pluginsAt('service') })), {}),
    routes: s.map(name, s.object({ ...route, plugins: pluginsAt('route') })),
    entry: s.describe(
      pluginsAt('entry'),
      'Plugins that judge every request before its route is known, also requests that no route takes.',
    ),
    plugins: s.describe(pluginsAt('global'), 'Plugins for every route.'),
    consumers: s.describe(
      s.withDefault(s.map(name, s.object({ ...consumer, plugins: pluginsAt('consumer') })), {}),
      'Who calls, told by the subject, and the plugins for each.',
    ),
    server: s.describe(
      s.withDefault(serverOptions, {}),
      'What postern serve alone has; the functions ignore it.',
    ),
  });
}

export type Configuration =
  ReturnType<typeof configurationShape> extends Schema<infer Output> ? Output : never;
