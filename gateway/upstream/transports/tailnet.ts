import { LayerOwner } from '../tailnet/layer-owner.ts';
import { TunnelTransport } from '../tailnet/tunnel-transport.ts';
import type { TransportKind } from '../transport.ts';

/** Into the tailnet, through the host's own tunnel, or else through that of the layer's extension. */
export const tailnet: TransportKind = {
  name: 'tailnet',
  guarded: true,
  parse: (text) =>
    text === 'tailnet'
      ? ({ clock, tailnet: ports, tunnel }) =>
          new TunnelTransport(tunnel ?? new LayerOwner(ports, clock), clock)
      : undefined,
};
