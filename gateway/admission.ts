import { Exchange, type Head } from './exchange.ts';
import { canonicalize, refuseUnallowed } from './path.ts';
import type { Clock } from './plugin.ts';
import { gatewayRefusals } from './refusal.ts';
import { clientAddress, type IncomingRequest, requestHost } from './request.ts';
import type { Route } from './route.ts';
import type { Router } from './router.ts';
import type { Refusal } from './verdict.ts';

/** Brings a request's head into canonical form, finds its route and opens the exchange; or refuses. */
export function openExchange(
  request: IncomingRequest,
  id: string,
  { router, clock }: { readonly router: Router<Route>; readonly clock: Clock },
): Exchange | Refusal {
  const { method, headers, scheme, peerCertificate } = request;
  const target = canonicalize(request.target);
  if ('kind' in target) return target;
  const host = requestHost(headers);
  if (host === undefined) return gatewayRefusals['bad-host']();
  const found = router.find(host, target.path, method);
  if (found === undefined) return gatewayRefusals['no-route'](`${method} ${host}${target.path}`);
  if (found.kind === 'method')
    return gatewayRefusals['method-not-allowed'](undefined, ['allow', found.allow.join(', ')]);
  const route = found.value;
  const unallowed = target.needs.length === 0 ? undefined : refuseUnallowed(target.needs, route.pathAllows);
  if (unallowed !== undefined) return unallowed;
  const { path, query } = target;
  const head: Head = {
    method,
    path,
    query,
    headers,
    host,
    scheme,
    clientIp: clientAddress(request.clientIp),
    peerCertificate,
  };
  const nowMs = clock.now();
  const deadlineMs = Math.min(
    nowMs + route.upstream.timeoutMs,
    request.deadlineMs ?? Number.POSITIVE_INFINITY,
  );
  const exchange = new Exchange(id, head, route, nowMs, deadlineMs);
  exchange.bodySize = request.body.declaredBytes ?? -1;
  return exchange;
}
