import type { Clock } from '../base/clock.ts';
import { ignore } from '../base/ignore.ts';
import type { Bus, Decide } from './bus.ts';
import {
  controlUnreachable,
  isHopeless,
  isKeyTrouble,
  refusedByControl,
  TunnelError,
  toTunnelError,
} from './causes.ts';
import { type LocalApi, type Notify, State } from './localapi.ts';
import type { HostWords, KeySource, TunnelSettings } from './settings.ts';
import type { Daemon } from './tailscaled.ts';

export interface JoinParts {
  readonly daemon: Daemon;
  readonly api: LocalApi;
  readonly bus: Bus;
  readonly settings: TunnelSettings;
  readonly keys: KeySource;
}

/**
 * Joins the tailnet, for the first time or again, as often as needed: it keeps the key that worked, and when the control
 * server no longer takes it, reads the secret again, which may have been rotated, and tries the other key once. A key for one
 * join is not kept: each join takes a new one.
 *
 * A node that stays in the tailnet needs a key for its first join only, and when the control server has forgotten it.
 */
export class Joiner {
  readonly #parts: JoinParts;
  #key: string | undefined;
  /** Whether this tailscaled has been in the tailnet. */
  #known = false;

  constructor(parts: JoinParts) {
    this.#parts = parts;
  }

  /** Starts tailscaled unless it runs, and joins; returns when the node is in the tailnet. @throws TunnelError */
  async join(withinMs: number): Promise<void> {
    const { api, daemon, bus, settings } = this.#parts;
    const end = api.clock.monotonic() + withinMs;
    const isIn = daemon.running && this.#known ? isRenewed : isRunning;
    const decide = (notify: Notify) => isIn(notify, settings.words);
    if (!daemon.running) daemon.start();
    const ended = daemon.exit.then((how): never => {
      throw new TunnelError('tunnel:daemon-failed', `tailscaled: ${how}. ${lastWords(daemon.lines)}`);
    });
    const opened = bus.open(withinMs);
    // The promise that loses the race must not become an unhandled rejection later.
    for (const loser of [ended, opened]) loser.catch(ignore);
    const alive = <T>(work: Promise<T>): Promise<T> => Promise.race([work, ended]);

    // Ends what a login waits for when something else has ended the join.
    const over = new AbortController();
    try {
      if (settings.staysInTailnet) {
        await alive(opened);
        if (await alive(this.#resume(isIn, end, over.signal))) return;
      }
      await this.#joinWithKey(decide, opened, alive, end, over.signal);
    } finally {
      over.abort();
    }
  }

  async #joinWithKey(
    decide: Decide<true>,
    opened: Promise<void>,
    alive: <T>(work: Promise<T>) => Promise<T>,
    end: number,
    over: AbortSignal,
  ): Promise<void> {
    const { keys, api } = this.#parts;
    const kept = this.#key;
    const key = kept ?? (await alive(keys.read(left(api.clock, end))));
    await alive(opened);
    try {
      await alive(this.#login(key, decide, end, over));
    } catch (error) {
      this.#key = undefined;
      this.#known = false;
      if (kept === undefined || !isKeyTrouble(toTunnelError(error))) throw error;
      const another = await alive(keys.read(left(api.clock, end)));
      if (another === kept) throw error;
      await alive(this.#login(another, decide, end, over));
    }
  }

  /**
   * Takes up the place that the node had in the tailnet, without a key.
   *
   * @returns false when it has none, so that a key is needed
   * @throws TunnelError
   */
  async #resume(isIn: typeof isRunning, end: number, over: AbortSignal): Promise<boolean> {
    const { words } = this.#parts.settings;
    function decide(notify: Notify): 'in' | 'out' | undefined {
      if (notify.State === State.needsLogin || notify.BrowseToURL) return 'out';
      return isIn(notify, words) && 'in';
    }
    const hopeless = this.#hopeless();
    // Before the start: that a key is needed is told before the start is answered.
    const decided = this.#told(decide, end, over);
    await this.#start(undefined);
    if ((await Promise.race([decided, hopeless])) === 'out') return false;
    this.#known = true;
    return true;
  }

  async #login(key: string, decide: Decide<true>, end: number, over: AbortSignal): Promise<void> {
    const { api, keys } = this.#parts;
    const hopeless = this.#hopeless();
    await this.#start(key);
    // Only now: an error that the bus tells before is of the login that `start` ended.
    const running = this.#told(decide, end, over);
    await api.login();
    await Promise.race([running, hopeless]);
    if (!keys.oneOff) this.#key = key;
    this.#known = true;
  }

  async #start(authKey: string | undefined): Promise<void> {
    const { api, keys, settings } = this.#parts;
    const { controlUrl, hostname } = settings;
    // A key made for this join has the tags already; Headscale refuses tags that are asked for with a tagged key.
    const tags = keys.oneOff ? [] : settings.tags;
    await api.start({ authKey, controlUrl, hostname, tags });
  }

  /** Rejects when the control server cannot be asked and waiting will not change that. */
  #hopeless(): Promise<never> {
    const { daemon, settings } = this.#parts;
    const hopeless = new Promise<never>((_, reject) => {
      daemon.onControlError = function giveUpWhenHopeless(reason) {
        if (isHopeless(reason)) reject(controlUnreachable(settings, reason));
      };
    });
    hopeless.catch(ignore);
    return hopeless;
  }

  /** What the bus tells, in time. @throws TunnelError */
  #told<T>(decide: Decide<T>, end: number, over: AbortSignal): Promise<T> {
    const { api, bus, daemon, settings } = this.#parts;
    const told = bus.next(decide, left(api.clock, end), over).then((outcome) => {
      if (outcome === undefined) throw controlUnreachable(settings, daemon.controlError);
      return outcome;
    });
    told.catch(ignore);
    return told;
  }
}

function left(clock: Clock, end: number): number {
  return Math.max(1, end - clock.monotonic());
}

/**
 * For a node that was in the tailnet before: tailscaled calls itself running from the start, by what it knew of the old
 * node, and does not say it again.
 *
 * @throws TunnelError when the control server refuses the node
 */
function isRenewed(notify: Notify, words: HostWords): true | undefined {
  isRunning(notify, words);
  return notify.SelfChange ? true : undefined;
}

/** @throws TunnelError when the control server refuses the node */
function isRunning(notify: Notify, words: HostWords): true | undefined {
  if (notify.ErrMessage) throw refusedByControl(notify.ErrMessage, words);
  if (notify.State === State.needsApproval) {
    throw new TunnelError(
      'tunnel:approval-needed',
      'The tailnet approves its devices by hand: approve this one, or make a pre-approved key.',
    );
  }
  if (notify.BrowseToURL) {
    throw new TunnelError(
      'tunnel:key-invalid',
      'The control server wants a person to log in: it did not take the auth key. Store a valid key.',
    );
  }
  return notify.State === State.running ? true : undefined;
}

function lastWords(lines: readonly string[]): string {
  return lines.length === 0 ? 'It logged nothing.' : `It said last: ${lines.slice(-3).join(' | ')}`;
}
