import { ConfigurationError } from '../../../base/schema/configuration-error.ts';
import type { CreateTransport, TransportKind } from '../transport.ts';
import { direct } from './direct.ts';
import { socks5 } from './socks5.ts';
import { tailnet } from './tailnet.ts';

/** Every transport that there is. */
export const transports: readonly TransportKind[] = [tailnet, socks5, direct];

/** How each is written in a configuration. */
export const transportForms: readonly string[] = transports.map(({ form }) => form);

/** What `transport:` of a service names. */
export interface ParsedTransport {
  readonly kind: TransportKind;
  /** Makes it; nothing is connected yet. */
  readonly create: CreateTransport;
}

/** Reads `transport:` of a service. @throws ConfigurationError */
export function parseTransport(text: string): ParsedTransport {
  for (const kind of transports) {
    const create = kind.parse(text);
    if (create !== undefined) return { kind, create };
  }
  // Not with the text: a mistyped proxy may have a password.
  throw new ConfigurationError('there is no such transport', [], `write one of ${transportForms.join(', ')}`);
}
