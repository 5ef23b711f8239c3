import { ignore } from '../base/ignore.ts';
import type { LocalApi } from './localapi.ts';

const firstGapMs = 15;
const gapGrowth = 1.15;
const maxGapMs = 200;
/** The time for a handshake and a ping through WireGuard besides their computation, in times of a ping outside it. */
const handshakeRoundTrips = 4;

/**
 * How far peers can be reached. `session`: through WireGuard, so that connections can be made. `path`: only outside it, because
 * WireGuard lost its handshake and is silent for 5 s. `nothing`: not at all.
 */
export type Reach = 'session' | 'path' | 'nothing';

/**
 * Finds out how far any of the peers can be reached; the first result decides.
 *
 * First it pings outside WireGuard (disco), which makes tailscaled find the path, then inside (TSMP), which makes WireGuard shake
 * hands. A disco pong is not enough: a peer may answer it some milliseconds before it accepts handshakes from this node, and a lost
 * handshake is repeated only after 5 s. So the other peers are pinged on as well.
 *
 * @param handshakeMs the time for WireGuard, without the round trip
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

/** The first of the addresses that answers a ping outside WireGuard; undefined if none does in time. */
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
 * Pings repeatedly without waiting for the previous pong: tailscaled sends each ping once, and if it is lost while the path is being
 * found, waiting for it would take longer than the next one.
 *
 * @returns the time of the first answered ping, in milliseconds; undefined if no answer came in time
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

/** The first defined result, or the fallback if there is none. */
function firstOf<T, F>(attempts: readonly Promise<T | undefined>[], fallback: F): Promise<T | F> {
  return new Promise((resolve) => {
    for (const attempt of attempts) attempt.then((result) => result !== undefined && resolve(result));
    Promise.all(attempts).then(() => resolve(fallback));
  });
}
