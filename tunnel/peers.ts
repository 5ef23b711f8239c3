import { BlockList, isIP } from 'node:net';
import type { PeerStatus, Status } from './localapi.ts';

/** A peer and the address at which it can be pinged. */
export interface Peer {
  readonly name: string;
  readonly address: string;
  /** As last reported by the control server. */
  readonly online: boolean;
}

/**
 * Finds the peer behind a name or an address.
 *
 * A name is a full MagicDNS name (`web.example.ts.net`) or its first label (`web`). An address is the peer's own, or one in a subnet
 * that the peer routes: then pings reach the router, not the address.
 */
export function findPeer(status: Status, host: string): Peer | undefined {
  const wanted = host.toLowerCase().replace(/^\[|\]$|\.$/g, '');
  // Most are names, and Node's check is expensive for them: see noServerName in call.ts.
  const family = /^[0-9.]+$|:/.test(wanted) ? isIP(wanted) : 0;
  for (const peer of peersOf(status)) {
    if (family === 0 ? isNamed(peer, wanted) : peer.TailscaleIPs?.includes(wanted)) return toPeer(peer);
  }
  if (family === 0) return undefined;
  const router = peersOf(status).find((peer) => routes(peer, wanted, family));
  return router && { ...toPeer(router), address: wanted };
}

/** The peers that the control server reports as online, at most `limit`. */
export function onlinePeers(status: Status, limit: number): readonly Peer[] {
  return peersOf(status)
    .filter((peer) => peer.Online)
    .slice(0, limit)
    .map(toPeer);
}

/** The peers with an address: one without cannot be reached. */
function peersOf(status: Status): PeerStatus[] {
  return Object.values(status.Peer ?? {}).filter((peer) => peer.TailscaleIPs?.length);
}

function toPeer(peer: PeerStatus): Peer {
  return {
    name: peer.DNSName.replace(/\.$/, ''),
    address: peer.TailscaleIPs?.[0] as string,
    online: peer.Online,
  };
}

function isNamed(peer: PeerStatus, wanted: string): boolean {
  const name = peer.DNSName.toLowerCase().replace(/\.$/, '');
  return name === wanted || name.split('.', 1)[0] === wanted;
}

function routes(peer: PeerStatus, address: string, family: number): boolean {
  const subnets = new BlockList();
  for (const prefix of peer.AllowedIPs ?? []) {
    const [network = '', bits = ''] = prefix.split('/');
    // An exit node offers 0.0.0.0/0 too, but this node does not use it.
    if (isIP(network) === family && bits !== '0')
      subnets.addSubnet(network, Number(bits), `ipv${family as 4 | 6}`);
  }
  return subnets.check(address, `ipv${family as 4 | 6}`);
}
