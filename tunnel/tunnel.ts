import { type Clock, limited } from '../base/clock.ts';
import { ignore } from '../base/ignore.ts';
import type { Log } from '../base/log.ts';
import { type TunnelNotReady, type TunnelReady, tunnelCauses } from '../gateway/index.ts';
import { Bus } from './bus.ts';
import { TunnelError, toTunnelError } from './causes.ts';
import { Joiner } from './join.ts';
import { LocalApi, State } from './localapi.ts';
import { Proof } from './proof.ts';
import type { KeySource, TunnelSettings } from './settings.ts';
import type { Daemon } from './tailscaled.ts';
import { Watchdog } from './watchdog.ts';

export interface TunnelParts {
  readonly daemon: Daemon;
  readonly settings: TunnelSettings;
  readonly keys: KeySource;
  readonly log: Log;
  /** Only the wall clock shows how long the machine was suspended. */
  readonly clock: Clock;
}

const tickMs = 1_000;
/** A longer time without a tick means that the machine was suspended long enough for WireGuard's sessions to be stale. */
const suspendMs = 45_000;
/** Between two checks that a peer still answers, including suspensions. */
const beatEveryMs = 10_000;
const beatMs = 2_000;
const firstProofMs = 2_000;
/** How long an unreachable target is checked again. */
const laterProofMs = 600;
const resumePongMs = 400;
const reopenMs = 5_000;
/** Between a failure and the next attempt to join: on a request, and automatically. */
const askedRetryMs = 5_000;
const retriesMs = [250, 1_000, 2_000, 5_000, 10_000, 30_000] as const;
/** Between two joins on the suspicion that the control server forgot this node. */
const suspicionMs = 30_000;
/** tailscaled still reports for a moment after a new join that the node is unknown. */
const echoMs = 5_000;
/** A login takes about 60 ms; without an answer for this long, no login is under way any more. */
const loginMs = 2_000;
const settlePollMs = 5;
/** A question to tailscaled is cancelled after this time and asked again. */
const askMs = 10_000;

type Health =
  | { readonly is: 'ready' }
  /** `why` is the last failure, while it is being repaired. */
  | { readonly is: 'working'; readonly why: TunnelError }
  | { readonly is: 'down'; readonly why: TunnelError };

const joining = new TunnelError('tunnel:joining', 'The tunnel is being joined or renewed; try again.');

/**
 * The only owner of the tunnel. It joins, checks that a connection can be made, repairs the tunnel after a suspension of the machine,
 * joins again after tailscaled ended or the control server forgot the node, and leaves.
 *
 * Ready means that one of the targets has answered through WireGuard. Without targets the online peers are asked instead, and
 * one online peer is enough even if no peer answers.
 *
 * Only one task runs at a time: a caller that asks in the meantime waits for it.
 */
export class Tunnel {
  readonly api: LocalApi;
  readonly #parts: TunnelParts;
  readonly #bus: Bus;
  readonly #joiner: Joiner;
  readonly #proof: Proof;
  readonly #watchdog: Watchdog;
  readonly #clock: Clock;
  #health: Health = { is: 'working', why: joining };
  #work: Promise<Health> | undefined;
  #ready: TunnelReady = Object.freeze({ ready: true, epoch: 0 });
  /** Whether the first join is retried too. */
  #goesOn = false;
  #joins = 0;
  #epoch = 0;
  /** The number of joins and renewals at the last increase of the epoch. Each ends the earlier connections. */
  #breaks = 0;
  #lastTickMs: number;
  #lastBeatMs: number;
  #lastJoinMs = -Infinity;
  #lastFailureMs = -Infinity;
  #lastSuspicionMs = -Infinity;
  #failures = 0;
  /** Ends the wait before the next attempt. */
  #retry = new AbortController();
  #resumedMeanwhile = false;
  /** Aborted when the tunnel leaves. */
  readonly #left = new AbortController();

  constructor(parts: TunnelParts) {
    this.#parts = parts;
    this.#clock = parts.clock;
    this.#lastTickMs = this.#clock.now();
    this.#lastBeatMs = this.#lastTickMs;
    this.api = new LocalApi(parts.daemon.socket, parts.clock);
    this.#bus = new Bus(this.api);
    this.#joiner = new Joiner({ ...parts, api: this.api, bus: this.#bus });
    this.#proof = new Proof(this.api, this.#bus, parts.settings);
    this.#watchdog = new Watchdog(
      () => this.api.answers(askMs),
      (silentMs) => this.#replaceDaemon(silentMs),
    );
    this.#listen();
  }

  /**
   * Joins for the first time. A silent target is not a failure: the tunnel works, and `ready` says why it cannot be used yet.
   *
   * @throws TunnelError
   */
  async join(withinMs: number): Promise<void> {
    this.#tick().catch(ignore);
    const end = this.#clock.monotonic() + withinMs;
    const health = await this.#do('join', async () => {
      await this.#joinOnce(withinMs);
      await this.#proof.demand(Math.min(firstProofMs, Math.max(1, end - this.#clock.monotonic())));
    });
    if (health.is === 'down' && this.#joins === 0) throw health.why;
  }

  /** Joins, and retries until it succeeds or leaves: for a host that has other work to do. */
  start(): void {
    this.#goesOn = true;
    this.#tick().catch(ignore);
    this.#do('join', () => this.#rejoin());
  }

  /** The epoch of the last readiness. */
  get epoch(): number {
    return this.#epoch;
  }

  /** The readiness, as far as known without asking; undefined if it is not ready. */
  known(): TunnelReady | undefined {
    this.#lookAtClock();
    return this.#health.is === 'ready' ? this.#ready : undefined;
  }

  /** Whether connections can be made; waits up to `withinMs` while they may become possible. */
  async ready(withinMs: number): Promise<TunnelReady | TunnelNotReady> {
    // A caller may ask before this process's own timer fires after a suspension.
    this.#lookAtClock();
    if (this.#health.is === 'down' && this.#mayRecover()) this.#recover(this.#neededRecovery());
    if (this.#work !== undefined) await limited(this.#clock, this.#work, withinMs);
    if (this.#health.is === 'ready') return this.#ready;
    const { code, message } = this.#health.why;
    return { ready: false, code, title: tunnelCauses[code], detail: message };
  }

  /** A peer answers outside WireGuard but not inside: its session is stale. Returns whether it is being renewed. */
  renew(): boolean {
    if (this.#work === undefined) this.#do('renewal', () => this.#cure());
    return true;
  }

  /**
   * No peer answers, so the control server may have forgotten this node, although tailscaled reports that it runs. Joins again, unless
   * it did that a moment ago.
   */
  suspect(): boolean {
    if (this.#work !== undefined || this.#clock.now() - this.#lastSuspicionMs < suspicionMs) return false;
    this.#lastSuspicionMs = this.#clock.now();
    this.#joinAgain('no peer answers');
    return true;
  }

  /** Leaves the tailnet, unless the node stays there, and ends tailscaled, always within the time. */
  async leave(withinMs: number): Promise<void> {
    this.#left.abort();
    this.#retry.abort();
    const { daemon, log, settings } = this.#parts;
    if (daemon.running && !settings.staysInTailnet) {
      await limited(this.#clock, this.#settle(), withinMs * 0.4);
      await this.api.logout(withinMs * 0.35).then(
        () => log.info('left the tailnet'),
        (error: unknown) => log.warn('could not log out', { error: String(error) }),
      );
    }
    await daemon.stop(settings.staysInTailnet ? withinMs : withinMs * 0.2);
  }

  /**
   * Waits until no login is under way: one that reaches the control server after the logout would put the node back into the
   * tailnet. A renewal logs in too: tailscaled does so when its engine starts, after it reported that it runs.
   */
  async #settle(): Promise<void> {
    await Promise.all([this.api.seal(), this.#work]);
    const { daemon } = this.#parts;
    const { lastLoginMs } = this.api;
    while (daemon.lastRegistrationMs < lastLoginMs && this.#clock.monotonic() - lastLoginMs < loginMs)
      await this.#clock.sleep(settlePollMs);
  }

  #listen(): void {
    const { daemon, log } = this.#parts;
    daemon.onForgotten = () => {
      if (this.#clock.now() - this.#lastJoinMs > echoMs)
        this.#joinAgain('the control server no longer knows this node');
    };
    daemon.onExit = (how) => {
      if (this.#leaving) return;
      log.error('tailscaled ended', { how, lines: daemon.lines.slice(-10) });
      if (this.#joins > 0) this.#joinAgain(how);
    };
    this.#bus.onEnd = () => {
      if (!this.#leaving) this.#bus.open(reopenMs).catch(ignore);
    };
    this.#bus.listen(({ State: state }) => {
      if (state === State.needsLogin && this.#health.is === 'ready')
        this.#joinAgain('tailscaled was logged out');
      if (state === State.running && this.#health.is === 'down') this.#recover('prove');
    });
  }

  async #tick(): Promise<void> {
    for (;;) {
      await this.#clock.sleep(tickMs, this.#left.signal);
      this.#everySecond();
    }
  }

  #everySecond(): void {
    this.#lookAtClock();
    if (this.#lastTickMs - this.#lastBeatMs < beatEveryMs) return;
    this.#lastBeatMs = this.#lastTickMs;
    this.#beat().catch(ignore);
  }

  /** A gap means that the machine was suspended: a laptop, a virtual machine, a sandbox. */
  #lookAtClock(): void {
    const now = this.#clock.now();
    const gapMs = now - this.#lastTickMs;
    this.#lastTickMs = now;
    // Before the first join there is nothing to repair, and a join has its own deadline.
    if (this.#joins > 0 && this.#parts.daemon.running) this.#watchdog.look(gapMs);
    else this.#watchdog.forget();
    if (gapMs <= suspendMs + tickMs || this.#leaving) return;
    this.#parts.log.info('resumed', { suspendedMs: gapMs });
    if (this.#work !== undefined) this.#resumedMeanwhile = true;
    else this.#do('resume', () => this.#cure());
  }

  /** After it has ended, it is started and joined again. */
  #replaceDaemon(silentMs: number): void {
    if (this.#leaving) return;
    this.#parts.log.error('tailscaled does not answer', {
      silentMs,
      lines: this.#parts.daemon.lines.slice(-10),
    });
    this.#parts.daemon.destroy();
  }

  /** Checks that a peer that answered still does, so that a request is not the first to find out. */
  async #beat(): Promise<void> {
    if (this.#health.is !== 'ready' || !this.#proof.proven) return;
    if ((await this.#proof.pong(beatMs)) || this.#health.is !== 'ready' || this.#leaving) return;
    if (!this.suspect()) this.#recover('prove');
  }

  get #leaving(): boolean {
    return this.#left.signal.aborted;
  }

  /** Runs one task at a time. It leaves the tunnel ready or down. */
  #do(what: string, work: () => Promise<void>): Promise<Health> {
    const startedMs = this.#clock.monotonic();
    const run = async (): Promise<Health> => {
      try {
        await work();
        if (this.#resumedMeanwhile) await this.#cure();
        this.#succeed(what, this.#clock.monotonic() - startedMs);
      } catch (error) {
        this.#fail(what, toTunnelError(error));
      }
      this.#work = undefined;
      return this.#health;
    };
    this.#retry.abort();
    this.#health = { is: 'working', why: this.#health.is === 'ready' ? joining : this.#health.why };
    this.#resumedMeanwhile = false;
    this.#work = run();
    return this.#work;
  }

  #succeed(what: string, tookMs: number): void {
    const breaks = this.#joins + this.#proof.renewals;
    if (breaks !== this.#breaks) this.#epoch += 1;
    this.#ready = Object.freeze({ ready: true, epoch: this.#epoch });
    this.#breaks = breaks;
    this.#health = { is: 'ready' };
    this.#failures = 0;
    this.#parts.log.info('tunnel ready', {
      after: what,
      epoch: this.#epoch,
      tookMs: Math.round(tookMs),
      joins: this.#joins,
      renewals: this.#proof.renewals,
    });
  }

  #fail(what: string, why: TunnelError): void {
    this.#health = { is: 'down', why };
    this.#lastFailureMs = this.#clock.now();
    if (this.#leaving) return;
    this.#parts.log.error('tunnel not ready', { after: what, code: why.code, detail: why.message });
    // If the first join must succeed, the host ends the process.
    if (this.#joins === 0 && !this.#goesOn) return;
    const waitMs = retriesMs[Math.min(this.#failures, retriesMs.length - 1)] as number;
    this.#failures += 1;
    this.#retry = new AbortController();
    this.#clock
      .sleep(waitMs, this.#retry.signal)
      .then(() => this.#recover(this.#neededRecovery()))
      .catch(ignore);
  }

  #neededRecovery(): 'join' | 'prove' {
    const targetsOnly = this.#health.is === 'down' && this.#health.why.code === 'tunnel:target-unreachable';
    return targetsOnly && this.#parts.daemon.running ? 'prove' : 'join';
  }

  #mayRecover(): boolean {
    return this.#neededRecovery() === 'prove' || this.#clock.now() - this.#lastFailureMs >= askedRetryMs;
  }

  #recover(how: 'join' | 'prove'): void {
    if (this.#work !== undefined || this.#leaving) return;
    if (how === 'prove') this.#do('new proof', () => this.#proof.demand(laterProofMs));
    else this.#do('join', () => this.#rejoin());
  }

  #joinAgain(reason: string): void {
    if (this.#work !== undefined || this.#leaving) return;
    this.#parts.log.warn('joining again', { reason });
    this.#recover('join');
  }

  /**
   * After a suspension. WireGuard's own handshake may have used a dead path, and it sends nothing more for 5 s. A ping finds the path
   * again, and taking the engine down and up makes WireGuard start over. If no peer answers, the control server has probably deleted
   * the node, so it joins again.
   */
  async #cure(): Promise<void> {
    if (this.#parts.daemon.running && (await this.#proof.survives(resumePongMs, firstProofMs))) return;
    await this.#rejoin();
  }

  async #rejoin(): Promise<void> {
    await this.#joinOnce(this.#parts.settings.joinTimeoutMs);
    await this.#proof.demand(firstProofMs);
  }

  async #joinOnce(withinMs: number): Promise<void> {
    if (this.#leaving) throw new TunnelError('tunnel:daemon-failed', 'The node is leaving the tailnet.');
    await this.#joiner.join(withinMs);
    this.#joins += 1;
    this.#lastJoinMs = this.#clock.now();
    this.#proof.forget();
  }
}
