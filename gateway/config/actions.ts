import { suggestion } from '../../base/suggestion.ts';
import { createProxy } from '../action/proxy.ts';
import { createResponder, fixedAnswer } from '../action/respond.ts';
import type { IsTakenAway } from '../request/header-names.ts';
import type { Action } from '../routing/action.ts';
import { compileLocations } from '../routing/answer-locations.ts';
import { compileTargetPath } from '../routing/target-path.ts';
import { parseTarget } from '../upstream/target.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { ProblemCollector } from './collector.ts';
import type { Configuration } from './shape.ts';

type RouteOptions = Configuration['routes'][string];

export interface ActionParts {
  readonly services: Configuration['services'];
  /** The upstreams of the services without errors. */
  readonly upstreams: ReadonlyMap<string, Upstream>;
  /** The headers that targets never get from a client. */
  readonly isTakenAway: IsTakenAway;
  readonly problems: ProblemCollector;
}

/** Prepares the work of a route: it forwards to its service, or answers by itself. Undefined if something is wrong. */
export function compileAction(name: string, options: RouteOptions, parts: ActionParts): Action | undefined {
  const path = ['routes', name];
  const { service, answer } = options;
  if (service !== undefined && answer !== undefined) {
    parts.problems.add([...path, 'answer'], 'the route also has a service; keep one of them');
    return undefined;
  }
  if (answer !== undefined) return compileAnswer(path, answer, options, parts.problems);
  if (service !== undefined) return compileProxy(path, service, options, parts);
  parts.problems.add(path, 'the route does nothing', 'name its service, or give its answer');
  return undefined;
}

/** Options that decide which parts of a request or an answer pass between client and target. */
const proxyOnly = { respond: 'full', targetPath: 'keep', pathEncoding: 'canonical' } as const;

function compileAnswer(
  path: readonly string[],
  answer: NonNullable<RouteOptions['answer']>,
  options: RouteOptions,
  problems: ProblemCollector,
): Action | undefined {
  for (const [key, unset] of Object.entries(proxyOnly)) {
    if (options[key as keyof typeof proxyOnly] !== unset)
      problems.add([...path, key], 'it applies to routes with a service; remove it or the answer');
  }
  try {
    return createResponder(fixedAnswer(answer));
  } catch (error) {
    problems.addError([...path, 'answer'], error);
    return undefined;
  }
}

function compileProxy(
  path: readonly string[],
  service: string,
  options: RouteOptions,
  { services, upstreams, isTakenAway, problems }: ActionParts,
): Action | undefined {
  const names = Object.keys(services);
  if (!names.includes(service)) {
    const message = `unknown service ${JSON.stringify(service)}`;
    problems.add([...path, 'service'], message, suggestion(service, names));
  }
  const { match, stripBasePath: basePath = '', respond } = options;
  const targetPath = problems.attempt([...path, 'targetPath'], () =>
    compileTargetPath(options.targetPath, match.path, options.pathEncoding),
  );
  const upstream = upstreams.get(service);
  const place = services[service];
  if (upstream === undefined || place === undefined || targetPath === undefined) return undefined;
  const targets = place.targets.map(({ url }) => parseTarget(url));
  return createProxy({
    service,
    upstream,
    respond,
    targetPath,
    clientHost: place.host === 'client',
    isTakenAway,
    rewriteLocations: place.rewriteLocation
      ? compileLocations({ targets, targetPath: options.targetPath, matchPath: match.path, basePath })
      : undefined,
  });
}
