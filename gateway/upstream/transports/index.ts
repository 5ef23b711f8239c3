import { everything, type Index, loadNamed, type Named } from '../../../base/named.ts';
import { ConfigurationError } from '../../../base/schema/configuration-error.ts';
import type { CreateTransport, TransportKind } from '../transport.ts';

/** Every transport, by its form in a configuration, which begins with its name. To add one: its file, its test, its line here. */
const transports: Index<TransportKind> = {
  tailnet: async () => (await import('./tailnet.ts')).tailnet,
  'socks5://HOST:PORT': async () => (await import('./socks5.ts')).socks5,
  direct: async () => (await import('./direct.ts')).direct,
};

/** The form of each in a configuration. */
export const transportForms: readonly string[] = Object.keys(transports);

/** Loads the transports that are named. */
export function loadTransports(named: Named): Promise<readonly TransportKind[]> {
  return loadNamed(transports, (form) => named(nameIn(form)));
}

/** The parsed `transport:` of a service. */
export interface ParsedTransport {
  readonly kind: TransportKind;
  /** Makes it without connecting. */
  readonly create: CreateTransport;
}

/** Reads `transport:` of a service, and loads what it names. @throws ConfigurationError */
export async function parseTransport(text: string): Promise<ParsedTransport> {
  const wanted = nameIn(text);
  const named = await loadTransports((name) => name === wanted);
  // One of them may know better what is meant, such as by socks4.
  const kinds = named.length > 0 ? named : await loadTransports(everything);
  for (const kind of kinds) {
    const create = kind.parse(text);
    if (create !== undefined) return { kind, create };
  }
  // Without the text: a mistyped proxy may have a password.
  throw new ConfigurationError('the transport is unknown', [], `write one of ${transportForms.join(', ')}`);
}

function nameIn(form: string): string {
  return (form.split(':', 1)[0] as string).toLowerCase();
}
