import assert from 'node:assert/strict';
import { everything } from '../../base/named.ts';
import type { Transport, TransportPorts } from '../../gateway/upstream/transport.ts';
import { loadTransports } from '../../gateway/upstream/transports/index.ts';

const kinds = await loadTransports(everything);

/** Makes a transport, as `transport:` of a service writes it. */
export function createTransport(text: string, ports: TransportPorts): Transport {
  for (const kind of kinds) {
    const create = kind.parse(text);
    if (create !== undefined) return create(ports);
  }
  return assert.fail(`no transport ${text}`);
}
