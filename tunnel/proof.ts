import type { Bus } from './bus.ts';
import { TunnelError } from './causes.ts';
import { type LocalApi, State } from './localapi.ts';
import { findPeer, onlinePeers } from './peers.ts';
import { firstPong, reach } from './ping.ts';
import type { TunnelSettings } from './settings.ts';

const renewMs = 2_000;
/** The time for the first handshake; each later one may take twice as long as the one before, because a processor may be slow. */
const handshakeMs = 120;
/**
 * After a suspension of the machine. WireGuard's timers have just sent a handshake of their own, and a peer drops another one that comes
 * within 20 ms of it or has the same time stamp, which has steps of 17 ms, so some time must be between them.
 */
const resumeHandshakeMs = 25;
/** The number of peers that are pinged without targets. */
const standIns = 8;
/** A target that is not among the peers yet may appear in a moment. */
const lookAgainMs = 50;

/**
 * Proves that connections can be made, against the targets or, without targets, the peers that are online.
 *
 * Renews WireGuard's sessions if needed.
 */
export class Proof {
  readonly #api: LocalApi;
  readonly #bus: Bus;
  readonly #settings: TunnelSettings;
  #addresses: readonly string[] = [];
  #renewals = 0;
  #proven = false;

  constructor(api: LocalApi, bus: Bus, settings: TunnelSettings) {
    this.#api = api;
    this.#bus = bus;
    this.#settings = settings;
  }

  /** How often the sessions were renewed. Each renewal ends the earlier connections. */
  get renewals(): number {
    return this.#renewals;
  }

  /** Whether a peer has answered. Only after that can it fall silent. */
  get proven(): boolean {
    return this.#proven;
  }

  /** After a join the peers may have other addresses. */
  forget(): void {
    this.#addresses = [];
    this.#proven = false;
  }

  /** Whether connections can still be made after a suspension of the machine. Renews stale sessions. */
  async survives(pongMs: number, withinMs: number): Promise<boolean> {
    switch (await reach(this.#api, await this.#peers(), pongMs, resumeHandshakeMs)) {
      case 'session':
        return true;
      case 'nothing':
        return false;
      case 'path':
        await this.renew();
        return this.succeeds(withinMs);
    }
  }

  /** Whether a peer answers outside WireGuard. */
  async pong(withinMs: number): Promise<boolean> {
    return (await firstPong(this.#api, await this.#peers(), withinMs)) !== undefined;
  }

  /** Whether a peer answers through WireGuard. */
  async succeeds(withinMs: number): Promise<boolean> {
    const { clock } = this.#api;
    const end = clock.monotonic() + withinMs;
    for (let limitMs = handshakeMs; ; limitMs *= 2) {
      const leftMs = Math.max(1, end - clock.monotonic());
      const reached = await reach(this.#api, await this.#peers(), leftMs, limitMs);
      this.#proven = reached === 'session';
      if (this.#proven) return true;
      if (clock.monotonic() >= end) return false;
      if (reached === 'path') await this.renew();
      else await clock.sleep(lookAgainMs);
    }
  }

  /**
   * Like `succeeds`, but without targets one online peer is enough.
   *
   * @throws TunnelError if no target answers
   */
  async demand(withinMs: number): Promise<void> {
    if (await this.succeeds(withinMs)) return;
    if (this.#settings.targets.length === 0 && this.#addresses.length > 0) return;
    throw new TunnelError('tunnel:target-unreachable', unreachable(this.#settings, this.#addresses.length));
  }

  /** Takes the engine down and up, so that WireGuard forgets its sessions. Earlier connections are dead after that. */
  async renew(): Promise<void> {
    await this.#api.setRunning(false);
    this.#renewals += 1;
    const up = this.#bus.next(({ State: state }) => (state === State.running ? true : undefined), renewMs);
    await this.#api.setRunning(true);
    await up;
  }

  /** The addresses to ping, read once after each join, because a node keeps its address. */
  async #peers(): Promise<readonly string[]> {
    if (this.#addresses.length > 0) return this.#addresses;
    const { targets } = this.#settings;
    const status = await this.#api.status(true);
    const peers =
      targets.length === 0
        ? onlinePeers(status, standIns)
        : targets.flatMap((target) => findPeer(status, target) ?? []);
    this.#addresses = peers.map((peer) => peer.address);
    return this.#addresses;
  }
}

function unreachable({ targets, words }: TunnelSettings, found: number): string {
  if (targets.length === 0) {
    const orName = words.targets === undefined ? '' : `, or name the targets in ${words.targets}`;
    return `This node sees no online peer: check the access rules of its tags${orName}.`;
  }
  const names = `${targets.join(', ')}${words.targets === undefined ? '' : ` (${words.targets})`}`;
  if (found === 0) {
    return `This node sees no peer with the name ${names}: check the names and the access rules of its tags.`;
  }
  return `${names}: no answer to pings. Is the machine up, and tailscaled running there?`;
}
