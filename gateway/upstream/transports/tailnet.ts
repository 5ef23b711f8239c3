import { TunnelTransport } from '../tailnet/tunnel-transport.ts';
import type { TransportKind } from '../transport.ts';

/** Into the tailnet, by the tunnel that the extension owns: its SOCKS5 port and its readiness endpoint on this machine. */
export const tailnet: TransportKind = {
  name: 'tailnet',
  form: 'tailnet',
  guarded: true,
  parse: (text) =>
    text === 'tailnet'
      ? ({ clock, tailnet: { socksPort, readinessPort } }) =>
          new TunnelTransport({ socksPort, readinessPort, clock })
      : undefined,
};
