import type { ConnectCause, Diagnosis, TunnelNotReady, TunnelReady } from '../gateway/index.ts';
import { type Dial, type DialOutcome, tryDial } from './dial-outcome.ts';
import type { LocalApi } from './localapi.ts';
import { findPeer, onlinePeers, type Peer } from './peers.ts';
import { answersInside, firstPong } from './ping.ts';

/** The parts of a tunnel that a diagnosis uses. */
export interface Diagnosable {
  readonly api: LocalApi;
  ready(withinMs: number): Promise<TunnelReady | TunnelNotReady>;
  /** A peer answers outside WireGuard but not inside. Returns whether its session is being renewed. */
  renew(): boolean;
  /** No peer answers. Returns whether the node joins again. */
  suspect(): boolean;
}

export interface DiagnosisTarget {
  readonly host: string;
  readonly port: number;
}

const pongMs = 1_000;
const othersMs = 300;
/** How long a connection may take after the peer has answered through WireGuard. */
const graceMs = 500;
const standIns = 4;

/**
 * Finds out why a connection to a target was not made, within the time.
 *
 * tailscaled reports all failures in the same way, so this asks three things: does the peer exist, does it answer a ping outside
 * WireGuard (disco), and does a connection succeed while it answers one inside (TSMP). If no peer answers at all, the node may be
 * forgotten and joins again; if only WireGuard is silent, its sessions are renewed.
 */
export async function diagnose(
  tunnel: Diagnosable,
  dial: Dial,
  target: DiagnosisTarget,
  withinMs: number,
): Promise<Diagnosis> {
  const { clock } = tunnel.api;
  const end = clock.monotonic() + withinMs;
  const left = () => Math.max(1, end - clock.monotonic());
  const readiness = await tunnel.ready(withinMs / 2);
  if (!readiness.ready && readiness.code !== 'tunnel:target-unreachable') {
    return createDiagnosis(
      'connect-timeout',
      `The tunnel is not ready: ${readiness.code}: ${readiness.detail}`,
    );
  }
  const status = await tunnel.api.status(true);
  const peer = findPeer(status, target.host);
  if (peer === undefined) return diagnoseStranger(dial, target, left());

  if ((await firstPong(tunnel.api, [peer.address], Math.min(pongMs, left() / 2))) === undefined) {
    const others = onlinePeers(status, standIns).filter((other) => other.address !== peer.address);
    const suspected = peer.online && !(await anyPong(tunnel, others, Math.min(othersMs, left() / 2)));
    return createDiagnosis('target-offline', offline(peer, suspected && tunnel.suspect()));
  }
  return diagnosePeer(tunnel, dial, target, peer, left());
}

/** Neither a peer nor in a peer's subnet: a name or an address of another network. */
async function diagnoseStranger(dial: Dial, target: DiagnosisTarget, withinMs: number): Promise<Diagnosis> {
  const outcome = await tryDial(dial, target, withinMs);
  if (outcome === 'connected') return works(target);
  return createDiagnosis(
    'target-unknown',
    `${target.host} is neither a peer nor in a subnet that a peer routes, as far as this node can see: check the name, and that ` +
      'an access rule lets the tags of this node reach it.',
  );
}

/** The peer answers outside WireGuard. */
async function diagnosePeer(
  tunnel: Diagnosable,
  dial: Dial,
  target: DiagnosisTarget,
  peer: Peer,
  withinMs: number,
): Promise<Diagnosis> {
  const inside = answersInside(tunnel.api, peer.address, withinMs);
  const dialled = tryDial(dial, target, withinMs);
  const grace = inside.then((answered) => (answered ? tunnel.api.clock.sleep(graceMs) : undefined));
  const outcome: DialOutcome | undefined = await Promise.race([dialled, grace.then(() => undefined)]);

  if (outcome === 'connected') return works(target);
  const where = `port ${target.port} of ${peer.name}`;
  if (outcome === 'refused') {
    return createDiagnosis(
      'connection-refused',
      `Nothing listens on ${where}: is the service running, on that port?`,
    );
  }
  if (outcome === undefined && (await inside)) {
    return createDiagnosis(
      'target-denied',
      `${peer.name} answers, but ${where} does not: an access rule of the tailnet, the peer's own shields or a firewall drops it.`,
    );
  }
  const then = tunnel.renew() ? 'its session is renewed, try again' : 'try again in a few seconds';
  return createDiagnosis('connect-timeout', `${peer.name} is there, but WireGuard was silent; ${then}.`);
}

async function anyPong(tunnel: Diagnosable, peers: readonly Peer[], withinMs: number): Promise<boolean> {
  const addresses = peers.map((peer) => peer.address);
  return (await firstPong(tunnel.api, addresses, withinMs)) !== undefined;
}

function offline(peer: Peer, joiningAgain: boolean): string {
  const said = peer.online
    ? 'the control server reports it as online'
    : 'the control server reports it as offline';
  const then = joiningAgain
    ? ' No peer answers, so this node joins the tailnet again; repeat the request.'
    : '';
  return `${peer.name} does not answer a ping, and ${said}: is the machine up, and tailscaled running there?${then}`;
}

function works(target: DiagnosisTarget): Diagnosis {
  return createDiagnosis(
    'connect-timeout',
    `A connection to ${target.host} port ${target.port} can be made now; try again.`,
  );
}

function createDiagnosis(
  code: ConnectCause extends `upstream:${infer Name}` ? Name : never,
  detail: string,
): Diagnosis {
  return { code: `upstream:${code}`, detail };
}
