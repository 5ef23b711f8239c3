import { systemClock } from '../../../base/clock.ts';
import type { Clock } from '../../ports/clock.ts';
import { LayerOwner } from './layer-owner.ts';
import { readTailnetPorts } from './ports.ts';
import { TunnelTransport } from './tunnel-transport.ts';

/** How a function beside the layer reaches the tunnel. Everything has a default that fits the layer. */
export interface TailnetOptions {
  /** tailscaled's SOCKS5 port on 127.0.0.1. Default: POSTERN_SOCKS_PORT, or 1055. */
  readonly socksPort?: number;
  /** Where the extension tells whether the tunnel is ready. Default: the port after `socksPort`. */
  readonly readinessPort?: number;
  /** How long a request waits, in milliseconds, for the tunnel to be ready, and then for its connection. Default: 10000. */
  readonly withinMs?: number;
  /** The clocks. Default: the machine's. */
  readonly clock?: Clock;
}

/** The options with everything filled in. @throws Error when POSTERN_SOCKS_PORT is wrong */
export function openTunnel(options: TailnetOptions): {
  readonly transport: TunnelTransport;
  readonly withinMs: number;
  readonly socksPort: number;
} {
  const socksPort = options.socksPort ?? readTailnetPorts(process.env).socksPort;
  const readinessPort = options.readinessPort ?? socksPort + 1;
  const { clock = systemClock, withinMs = 10_000 } = options;
  const owner = new LayerOwner({ socksPort, readinessPort }, clock);
  return { transport: new TunnelTransport(owner, clock), withinMs, socksPort };
}
