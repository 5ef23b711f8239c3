import { systemClock } from '../../../base/clock.ts';
import type { Clock } from '../../ports/clock.ts';
import { LayerOwner } from './layer-owner.ts';
import { readTailnetPorts } from './ports.ts';
import { TunnelTransport } from './tunnel-transport.ts';

/** How a function beside the layer reaches the tunnel. The defaults fit the layer. */
export interface TailnetOptions {
  /** tailscaled's SOCKS5 port on 127.0.0.1. Default: POSTERN_SOCKS_PORT, or 1055. */
  readonly socksPort?: number;
  /** The port of the extension's readiness endpoint. Default: the port after `socksPort`. */
  readonly readinessPort?: number;
  /** How long a request waits for a ready tunnel, and then for its connection, in milliseconds. Default: 10000. */
  readonly withinMs?: number;
  /** The clocks. Default: the machine's. */
  readonly clock?: Clock;
}

/** The options with defaults. @throws Error if POSTERN_SOCKS_PORT is wrong */
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
