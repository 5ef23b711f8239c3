/** A route's key: `POST /hooks/{proxy+}`, `ANY /`, or `$default`. */
export type RouteKey = string;

export interface RouteMatch<Route> {
  readonly route: Route;
  readonly pathParameters: Readonly<Record<string, string>> | undefined;
}

/**
 * The path that routes are looked for with, or undefined when it is not the stage's: a named stage is the first segment.
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-stages.html
 */
export function withinStage(rawPath: string, stage: string): string | undefined {
  if (stage === '$default') return rawPath;
  if (rawPath === `/${stage}`) return '/';
  return rawPath.startsWith(`/${stage}/`) ? rawPath.slice(stage.length + 1) : undefined;
}

/**
 * Finds the route of a request: a full match first, then the one with the longest path before a greedy variable, then
 * `$default`; of two with the same path, the one that names the method before ANY.
 *
 * The path is the decoded one: github.com/aws/aws-lambda-dotnet/pull/1901 found that an encoded slash separates segments.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
 */
export function findRoute<Route extends { readonly key: RouteKey }>(
  routes: readonly Route[],
  method: string,
  rawPath: string,
): RouteMatch<Route> | undefined {
  let best: (RouteMatch<Route> & { readonly rank: number }) | undefined;
  for (const route of routes) {
    const found = matchKey(route.key, method, rawPath);
    if (found !== undefined && (best === undefined || found.rank > best.rank)) best = { route, ...found };
  }
  return best;
}

interface KeyMatch {
  readonly rank: number;
  readonly pathParameters: Readonly<Record<string, string>> | undefined;
}

function matchKey(key: RouteKey, method: string, rawPath: string): KeyMatch | undefined {
  if (key === '$default') return { rank: 0, pathParameters: undefined };
  const [keyMethod, pattern] = key.split(' ') as [string, string];
  if (keyMethod !== 'ANY' && keyMethod !== method) return undefined;
  const methodRank = keyMethod === 'ANY' ? 0 : 0.5;
  const wanted = pattern.split('/').slice(1);
  const given = rawPath.split('/').slice(1);
  const parameters: Record<string, string> = {};
  let fixed = 0;
  for (const [at, part] of wanted.entries()) {
    const variable = /^\{([^}+]+)(\+?)\}$/.exec(part);
    const segment = given[at];
    if (variable === null) {
      if (segment !== part) return undefined;
      fixed += 1;
      continue;
    }
    const [, name = '', greedy] = variable;
    if (segment === undefined || segment === '') return undefined;
    if (greedy === '+') {
      parameters[name] = given.slice(at).join('/');
      return { rank: 1 + fixed + methodRank, pathParameters: parameters };
    }
    parameters[name] = segment;
  }
  if (given.length !== wanted.length) return undefined;
  const named = Object.keys(parameters).length > 0;
  return { rank: 1_000 + fixed + methodRank, pathParameters: named ? parameters : undefined };
}
