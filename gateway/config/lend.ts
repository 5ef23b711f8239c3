import { ConfigurationError } from '../../base/schema/configuration-error.ts';
import type { Plugin, PortName, Ports } from '../plugin/plugin.ts';

/** The facts about a host that are known before a configuration is loaded there. */
export interface HostProfile {
  /** Its name in a sentence: `the authorizer`. */
  readonly name: string;
  readonly ports: readonly PortName[];
  /** It sees no body, and does not create the plugins that read one. */
  readonly headOnly?: true;
}

/** The ports that a host has according to its profile. */
export type PortsOf<Profile extends HostProfile> = Pick<Ports, Profile['ports'][number]>;

/**
 * The ports that a plugin uses, and no others.
 *
 * @throws ConfigurationError if the host does not have one of them
 */
export function lend({ uses = [] }: Plugin, ports: Partial<Ports>): Ports {
  const missing = uses.filter((port) => ports[port] === undefined);
  if (missing.length > 0)
    throw new ConfigurationError(`it uses ${missing.join(' and ')}, which this host does not have`);
  return Object.fromEntries(uses.map((port) => [port, ports[port]])) as unknown as Ports;
}

/** The ports that a plugin uses but a host does not have; empty if the host does not create the plugin. */
export function missingOn(
  { ports, headOnly }: HostProfile,
  { uses = [], readsBody }: Plugin,
): readonly PortName[] {
  return headOnly === true && readsBody === true ? [] : uses.filter((port) => !ports.includes(port));
}
