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
 * Joins the tailnet, for the first time or again. It keeps the key that worked. If the control server no longer accepts that key, it
 * reads the secret again, which may have been rotated, and tries the other key once. A single-use key is not kept: each join gets a
 * new one.
 *
 * A node that stays in the tailnet needs a key only for its first join, and after the control server has forgotten it.
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

    // Ends the waits of a login after something else has ended the join.
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
   * Resumes the node's place in the tailnet, without a key.
   *
   * @returns false if it has none and needs a key
   * @throws TunnelError
   */
  async #resume(isIn: typeof isRunning, end: number, over: AbortSignal): Promise<boolean> {
    const { words } = this.#parts.settings;
    function decide(notify: Notify): 'in' | 'out' | undefined {
      if (notify.State === State.needsLogin || notify.BrowseToURL) return 'out';
      return isIn(notify, words) && 'in';
    }
    const hopeless = this.#hopeless();
    // Before the start, because the need for a key is reported before the start is answered.
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
    // Only now, because an earlier error on the bus belongs to the login that `start` ended.
    const running = this.#told(decide, end, over);
    await api.login();
    await Promise.race([running, hopeless]);
    if (!keys.oneOff) this.#key = key;
    this.#known = true;
  }

  async #start(authKey: string | undefined): Promise<void> {
    const { api, keys, settings } = this.#parts;
    const { controlUrl, hostname } = settings;
    // A key made for this join already has the tags; Headscale refuses tags that are requested with a tagged key.
    const tags = keys.oneOff ? [] : settings.tags;
    await api.start({ authKey, controlUrl, hostname, tags });
  }

  /** Rejects if the control server cannot be reached and waiting will not change that. */
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

  /** The result of `decide` on the bus, in time. @throws TunnelError */
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
 * For a node that was in the tailnet before: tailscaled reports that it runs from the start, based on its knowledge of the old node,
 * and does not report it again.
 *
 * @throws TunnelError if the control server refuses the node
 */
function isRenewed(notify: Notify, words: HostWords): true | undefined {
  isRunning(notify, words);
  return notify.SelfChange ? true : undefined;
}

/** @throws TunnelError if the control server refuses the node */
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
      'The control server asks for a login by a person: it did not accept the auth key. Store a valid key.',
    );
  }
  return notify.State === State.running ? true : undefined;
}

function lastWords(lines: readonly string[]): string {
  return lines.length === 0 ? 'It logged nothing.' : `Its last lines: ${lines.slice(-3).join(' | ')}`;
}
