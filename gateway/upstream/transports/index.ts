import { ConfigurationError } from '../../../base/schema/configuration-error.ts';
import type { CreateTransport, TransportKind } from '../transport.ts';
import { direct } from './direct.ts';
import { socks5 } from './socks5.ts';
import { tailnet } from './tailnet.ts';

/** Every transport. */
export const transports: readonly TransportKind[] = [tailnet, socks5, direct];

/** The form of each in a configuration. */
export const transportForms: readonly string[] = transports.map(({ form }) => form);

/** The parsed `transport:` of a service. */
export interface ParsedTransport {
  readonly kind: TransportKind;
  /** Makes it without connecting. */
  readonly create: CreateTransport;
}

/** Reads `transport:` of a service. @throws ConfigurationError */
export function parseTransport(text: string): ParsedTransport {
  for (const kind of transports) {
    const create = kind.parse(text);
    if (create !== undefined) return { kind, create };
  }
  // Without the text: a mistyped proxy may have a password.
  throw new ConfigurationError('the transport is unknown', [], `write one of ${transportForms.join(', ')}`);
}
