import { isNamed } from '../../base/http/headers.ts';
import type { Exchange } from '../request/exchange.ts';
import type { Target } from '../upstream/target.ts';

/** Translates a target's locations into the client's, in the headers of one answer. */
export type RewriteLocations = (exchange: Exchange, headers: string[]) => void;

export interface LocationOptions {
  readonly targets: readonly Target[];
  readonly targetPath: string;
  readonly matchPath: string;
  /** The prefix that the route removes first. */
  readonly basePath: string;
}

/**
 * Prepares `rewriteLocation` of a service for one route. Location and Content-Location that point at a target of the service are
 * changed to the client's scheme, host and path, and a cookie for the target's own domain becomes one for the client's host.
 */
export function compileLocations(options: LocationOptions): RewriteLocations {
  const { targets } = options;
  const authorities = new Set(targets.map(({ authority }) => authority));
  const domains = new Set(targets.map(({ destination }) => destination.host));
  const pathOf = compileClientPath(options);
  return function rewriteLocations({ head }, headers) {
    for (let at = 0; at + 1 < headers.length; at += 2) {
      const name = headers[at] as string;
      const value = headers[at + 1] as string;
      if (isNamed(name, 'location') || isNamed(name, 'content-location')) {
        const isOwn = (host: string) => authorities.has(host) || host === head.authority;
        headers[at + 1] = toClient(value, isOwn, `${head.scheme}://${head.authority}`, pathOf);
      } else if (isNamed(name, 'set-cookie')) headers[at + 1] = withoutDomain(value, domains);
    }
  };
}

function toClient(
  value: string,
  isOwn: (host: string) => boolean,
  origin: string,
  pathOf: (path: string) => string | undefined,
): string {
  const isPath = /^\/(?![/\\])/.test(value);
  const absolute = isPath || value.startsWith('//') ? `http:${isPath ? '//path' : ''}${value}` : value;
  if (!/^https?:\/\//i.test(absolute) || !URL.canParse(absolute)) return value;
  const { host, pathname, search, hash } = new URL(absolute);
  if (!isPath && !isOwn(host)) return value;
  const path = pathOf(pathname);
  if (isPath) return path === undefined ? value : `${path}${search}${hash}`;
  return `${origin}${path ?? pathname}${search}${hash}`;
}

/** Translates a path of the target into the client's; undefined if there is none. */
function compileClientPath(options: LocationOptions): (path: string) => string | undefined {
  const { targetPath, matchPath, basePath } = options;
  const bases = [...new Set(options.targets.map((target) => target.basePath))].sort(
    (one, other) => other.length - one.length,
  );
  const prefix = targetPath === 'strip' ? matchPath.slice(0, -2) : '';
  const isFixed = targetPath !== 'strip' && targetPath !== 'keep';
  return function clientPath(path) {
    const base = bases.find((candidate) => path === candidate || path.startsWith(`${candidate}/`));
    if (base === undefined) return undefined;
    const rest = path.slice(base.length) || '/';
    if (!isFixed) return basePath + prefix + rest;
    return rest === targetPath && !matchPath.endsWith('/*') ? basePath + matchPath : undefined;
  };
}

function withoutDomain(cookie: string, domains: ReadonlySet<string>): string {
  return cookie.replace(/;[ \t]*domain[ \t]*=([^;]*)/gi, (attribute: string, value: string) => {
    const domain = value.trim().toLowerCase().replace(/^\./, '');
    return domains.has(domain) ? '' : attribute;
  });
}
