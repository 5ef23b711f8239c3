import { ConfigurationError } from '../../base/schema/configuration-error.ts';
import type { Head } from '../request/exchange.ts';
import { canonicalize, type PathAllowance, rawRest, refuseUnallowed } from '../request/path.ts';

/** What is wrong with the path of a match; undefined if it is valid. Only a canonical path can match a request. */
export function pathProblem(path: string, allows: readonly PathAllowance[]): string | undefined {
  if (!path.startsWith('/')) return `expected a path that begins with /; got ${JSON.stringify(path)}`;
  const fixed = path.endsWith('/*') ? path.slice(0, -1) : path;
  if (fixed.includes('*')) return 'a * is only allowed at the end, after a slash';
  if (fixed.startsWith('//'))
    return 'a path cannot begin with two slashes, because programs read a host there';
  if (fixed.includes('?')) return 'a path cannot have a query; match the query in an expression';
  const target = canonicalize(fixed);
  if ('kind' in target) return `no request can have this path: ${target.title.toLowerCase()}`;
  const unallowed = refuseUnallowed(target.needs, allows);
  if (unallowed !== undefined) return `${unallowed.title.toLowerCase()}, which pathAllows does not list`;
  if (target.path !== fixed)
    return `write it as ${target.path}${path.endsWith('/*') ? '*' : ''}: requests are matched in that form`;
  return undefined;
}

/** What is wrong with the prefix that a platform puts before all paths; undefined if it is valid. */
export function basePathProblem(base: string): string | undefined {
  if (base.endsWith('/') || base.includes('*'))
    return 'write it without a final slash and without *, such as /base';
  return pathProblem(base, []);
}

/** Whether the target sees the canonical path or the client's encoding of it. */
export const pathEncodings = ['canonical', 'keep'] as const;
export type PathEncoding = (typeof pathEncodings)[number];

/**
 * Makes the function that returns the path and query for the target: `keep` the path, `strip` the matched prefix, or a
 * fixed path. The query does not change.
 *
 * @throws ConfigurationError
 */
export function compileTargetPath(
  option: string,
  matchPath: string,
  encoding: PathEncoding,
): (head: Head) => string {
  if (option === 'keep')
    return encoding === 'keep'
      ? (head) => withQuery(head.rawPath, head.query)
      : (head) => withQuery(head.path, head.query);
  if (option === 'strip') {
    if (!matchPath.endsWith('/*'))
      throw new ConfigurationError(`strip needs a prefix to strip; the path ${matchPath} is exact`);
    const length = matchPath.length - 2;
    return encoding === 'keep'
      ? (head) => withQuery(rawRest(head.rawPath, length), head.query)
      : (head) => withQuery(head.path.slice(length), head.query);
  }
  const problem = option.endsWith('/*') ? 'a fixed path cannot have a *' : pathProblem(option, []);
  if (problem !== undefined)
    throw new ConfigurationError(
      option.startsWith('/')
        ? problem
        : `expected keep, strip or a path such as /webhook; got ${JSON.stringify(option)}`,
    );
  return (head) => withQuery(option, head.query);
}

function withQuery(path: string, query: string | undefined): string {
  return query === undefined ? path : `${path}?${query}`;
}
