import { ignore } from '../base/ignore.ts';
import type { LocalApi } from './localapi.ts';

const firstGapMs = 15;
const gapGrowth = 1.15;
const maxGapMs = 200;
/** What a handshake and a ping through WireGuard may take beyond their computing: some times what a ping outside it took. */
const handshakeRoundTrips = 4;

/**
 * How far peers can be reached: `session` through WireGuard, so that a connection can be made; `path` only outside it, so that
 * WireGuard lost its handshake and is silent for 5 s; `nothing`.
 */
export type Reach = 'session' | 'path' | 'nothing';

/**
 * Finds out how far any of the peers can be reached; the first that decides it counts.
 *
 * First a ping outside WireGuard (disco), which makes tailscaled find the path, then one inside (TSMP), which makes WireGuard
 * shake hands. The pong proves too little: a peer may answer it some milliseconds before it accepts handshakes from this
 * node, and a lost handshake is repeated after 5 s. The other peers go on being pinged, for the same purpose.
 *
 * @param handshakeMs how long WireGuard may take, without the round trip
 */
export function reach(
  api: LocalApi,
  addresses: readonly string[],
  withinMs: number,
  handshakeMs: number,
): Promise<Reach> {
  const end = api.clock.monotonic() + withinMs;
  return firstOf(
    addresses.map(async (address): Promise<Reach | undefined> => {
      const latencyMs = await pingUntilPong(api, address, withinMs);
      if (latencyMs === undefined) return undefined;
      const limitMs = Math.min(handshakeMs + handshakeRoundTrips * latencyMs, end - api.clock.monotonic());
      return (await answersInside(api, address, Math.max(1, limitMs))) ? 'session' : 'path';
    }),
    'nothing',
  );
}

/** The first of the addresses that answers a ping outside WireGuard, if one does in time. */
export function firstPong(
  api: LocalApi,
  addresses: readonly string[],
  withinMs: number,
): Promise<string | undefined> {
  return firstOf(
    addresses.map(async (address) =>
      (await pingUntilPong(api, address, withinMs)) === undefined ? undefined : address,
    ),
    undefined,
  );
}

/** Whether the peer answers a ping through WireGuard. */
export async function answersInside(api: LocalApi, address: string, withinMs: number): Promise<boolean> {
  try {
    return (await api.ping(address, 'TSMP', withinMs)).Err === '';
  } catch {
    return false;
  }
}

/**
 * Pings again and again without waiting for the pong before: tailscaled sends each ping once, and when it is lost while the
 * path is being found, waiting for it would cost more than the next one.
 *
 * @returns how long the ping took that was answered first, in milliseconds; undefined if no answer came in time
 */
function pingUntilPong(api: LocalApi, address: string, withinMs: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const others = new AbortController();
    const end = api.clock.monotonic() + withinMs;
    let gapMs = firstGapMs;

    function send(): void {
      const leftMs = end - api.clock.monotonic();
      if (leftMs < 1) return finish(undefined);
      api
        .ping(address, 'disco', leftMs, others.signal)
        .then((pong) => pong.Err === '' && finish(pong.LatencySeconds * 1_000), ignore);
      api.clock.sleep(Math.min(gapMs, leftMs), others.signal).then(send, ignore);
      gapMs = Math.min(gapMs * gapGrowth, maxGapMs);
    }

    function finish(latencyMs: number | undefined): void {
      others.abort();
      resolve(latencyMs);
    }

    send();
  });
}

/** The first result that is one, or the fallback when all have come to nothing. */
function firstOf<T, F>(attempts: readonly Promise<T | undefined>[], fallback: F): Promise<T | F> {
  return new Promise((resolve) => {
    for (const attempt of attempts) attempt.then((result) => result !== undefined && resolve(result));
    Promise.all(attempts).then(() => resolve(fallback));
  });
}
