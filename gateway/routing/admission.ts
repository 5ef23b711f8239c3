import { gatewayRefusals } from '../answer/refusal.ts';
import type { Refusal, Reply } from '../answer/verdict.ts';
import type { EntryStep } from '../pipeline/chain.ts';
import { runEntry } from '../pipeline/entry.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { Exchange, type Head } from '../request/exchange.ts';
import { cleanHeaders } from '../request/headers.ts';
import {
  type CanonicalPath,
  canonicalize,
  type PathAllowance,
  rawRest,
  refuseUnallowed,
  type Target,
} from '../request/path.ts';
import { clientAddress, type IncomingRequest, readAsked } from '../request/request.ts';
import type { Route } from './route.ts';
import type { Router } from './router.ts';

/** The form of all registered methods. A target that treats `delete` as `DELETE` would bypass a policy for `DELETE`. */
const upperCase = /^[A-Z][A-Z-]*$/;

export interface AdmissionHost {
  readonly router: Router<Route>;
  /** The plugins that judge a request before its route is known. */
  readonly entry: readonly EntryStep[];
  readonly clock: Clock;
  readonly log: Log;
}

/** A request with its route. */
export interface Admitted {
  readonly exchange: Exchange;
  readonly route: Route;
}

/** Normalizes a request's head, finds its route and opens the exchange; or refuses. */
export function openExchange(
  request: IncomingRequest,
  id: string,
  { router, entry, clock, log }: AdmissionHost,
): Admitted | Reply {
  const { method, scheme, peerCertificate } = request;
  if (!upperCase.test(method)) return gatewayRefusals['bad-method']();
  const clientIp = clientAddress(request.clientIp);
  if (typeof clientIp === 'object') return clientIp;
  const asked = readAsked(request);
  if ('kind' in asked) return asked;
  const { host, text: authority } = asked.host;
  const target = canonicalize(asked.target);
  if ('kind' in target) return target;
  if (entry.length > 0) {
    const refused = runEntry(entry, { method, path: target.path, host, clientIp }, id, log);
    if (refused !== undefined) return refused;
  }
  const found = router.find(host, target.path, method);
  if (found === undefined) return gatewayRefusals['no-route']();
  if (found.kind === 'method')
    return gatewayRefusals['method-not-allowed'](undefined, ['allow', found.allow.join(', ')]);
  const route = found.value;
  const fields = cleanHeaders(request.headers, route.headersAllow);
  if ('kind' in fields) return fields;
  const head: Head = {
    method,
    ...pathBelow(route.basePath, target),
    query: target.query,
    headers: fields.headers,
    spellings: fields.spellings,
    droppedHeaders: fields.dropped,
    host,
    authority,
    scheme,
    clientIp,
    peerCertificate,
  };
  const refused = target.needs.length === 0 ? undefined : refuseIrregular(head, target.needs, route);
  if (refused !== undefined) return refused;
  const nowMs = clock.now();
  const deadlineMs = Math.min(nowMs + route.action.timeoutMs, request.deadlineMs ?? Number.POSITIVE_INFINITY);
  const exchange = new Exchange(id, head, route, nowMs, deadlineMs);
  exchange.bodySize = request.body.declaredBytes ?? -1;
  return { exchange, route };
}

/** The path without the platform's prefix; the router has matched the whole path. */
function pathBelow(base: string, { path, rawPath }: Target): Pick<Head, 'path' | 'rawPath'> {
  if (base === '') return { path, rawPath };
  return { path: path.slice(base.length) as CanonicalPath, rawPath: rawRest(rawPath, base.length) };
}

/** A route can refuse only an irregular path, or one that begins with two slashes without its prefix. */
function refuseIrregular(head: Head, needs: readonly PathAllowance[], route: Route): Refusal | undefined {
  return refuseUnallowed(needs, route.pathAllows) ?? route.action.refuse?.(head);
}
