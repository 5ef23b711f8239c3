import { everything } from '../../../base/named.ts';
import { knownNames } from '../../../gateway/config/expressions.ts';
import { compileExpression, type ExpressionWarn } from '../../../gateway/expression/index.ts';
import { loadPlugins } from '../../../gateway/plugins/index.ts';
import type { ReceivedWebhook } from '../../../gateway/providers/received-webhook.ts';
import { Exchange, type Head, type Subject } from '../../../gateway/request/exchange.ts';
import type { CanonicalPath } from '../../../gateway/request/path.ts';

export const nowMs = Date.UTC(2030, 0, 31, 8, 30, 15, 250);

export interface Parts {
  readonly head?: Partial<Head>;
  readonly webhook?: Partial<ReceivedWebhook>;
  readonly subject?: Subject;
  readonly device?: Subject;
  readonly bodySize?: number;
}

/** An exchange with the parts that a test cares about. */
export function exchangeOf({ head, webhook, subject, device, bodySize }: Parts = {}): Exchange {
  const full: Head = {
    method: 'POST',
    path: '/hooks/github' as CanonicalPath,
    rawPath: '/hooks/github',
    query: undefined,
    headers: [],
    host: 'hooks.example.com',
    authority: 'hooks.example.com',
    scheme: 'https',
    clientIp: '192.0.2.7',
    ...head,
  };
  const exchange = new Exchange('id', full, { name: 'github', service: 'builds' }, nowMs, nowMs + 1_000);
  exchange.subject = subject;
  exchange.device = device;
  if (bodySize !== undefined) exchange.bodySize = bodySize;
  if (webhook !== undefined) exchange.attributes.webhook = webhook;
  return exchange;
}

/** What expressions can name with all plugins. */
export const names = await knownNames(await loadPlugins(everything));

/** Compiles a rule over exchanges, with the names that a configuration knows. */
export async function compile(source: string, warn?: ExpressionWarn) {
  return compileExpression(source, { names, result: 'boolean', warn });
}
