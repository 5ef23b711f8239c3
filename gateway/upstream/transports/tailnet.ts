import { LayerOwner } from '../tailnet/layer-owner.ts';
import { TunnelTransport } from '../tailnet/tunnel-transport.ts';
import type { TransportKind } from '../transport.ts';

/** Into the tailnet, by the tunnel that the host owns, or else by the one that the layer's extension owns beside it. */
export const tailnet: TransportKind = {
  name: 'tailnet',
  form: 'tailnet',
  guarded: true,
  parse: (text) =>
    text === 'tailnet'
      ? ({ clock, tailnet: ports, tunnel }) =>
          new TunnelTransport(tunnel ?? new LayerOwner(ports, clock), clock)
      : undefined,
};
