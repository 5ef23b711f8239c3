import { type Clock, limited } from '../base/clock.ts';
import { ignore } from '../base/ignore.ts';
import type { Log } from '../base/log.ts';
import { messageOf } from '../base/message-of.ts';
import {
  type ConfigurationSource,
  formatProblem,
  InvalidConfiguration,
  type LoadedConfiguration,
  type ServerOptions,
} from '../gateway/index.ts';
import { FileWatch } from './file-watch.ts';
import type { Generations } from './generations.ts';
import { readSettled } from './settled-file.ts';

/** How a server gets its next configuration. */
export interface ReloadOptions {
  /** The first loaded configuration; its file is read again. */
  readonly source: ConfigurationSource;
  /** @throws InvalidConfiguration */
  readonly load: (source: ConfigurationSource) => Promise<LoadedConfiguration>;
  /** Whether it also reloads when the file changes, not only on SIGHUP. */
  readonly watch: boolean;
}

export interface ReloadHost {
  readonly generations: Generations;
  readonly log: Log;
  readonly clock: Clock;
}

type Cause = 'SIGHUP' | 'watch';

/** Longer than the retries for one secret take. */
const loadWithinMs = 60_000;

/** Loads the configuration again and replaces the gateway. Loads run one after another, and an invalid configuration changes nothing. */
export class Reloader {
  readonly #options: ReloadOptions;
  readonly #host: ReloadHost;
  readonly #watch: FileWatch;
  /** The options that only a restart changes, as they were at the start. */
  readonly #fixed: FixedOptions;
  #running: LoadedConfiguration;
  /** The text that was read last, valid or not. */
  #text: string;
  #wanted: Cause | undefined = undefined;
  #work: Promise<void> | undefined = undefined;
  readonly #stopping = new AbortController();

  constructor(options: ReloadOptions, running: LoadedConfiguration, host: ReloadHost) {
    this.#options = options;
    this.#host = host;
    this.#running = running;
    this.#fixed = fixedOptions(running.server);
    this.#text = options.source.text;
    this.#watch = new FileWatch(
      options.source.file,
      () => this.request('watch'),
      (error) => host.log.error('watch-failed', { error: messageOf(error) }),
    );
  }

  start(): void {
    if (!this.#options.watch) return;
    this.#watch.follow();
    // The file may have changed since it was loaded.
    this.request('watch');
  }

  /** From the current configuration. */
  get drainTimeoutMs(): number {
    return this.#running.server.drainTimeout;
  }

  /** Loads soon. A request during another load takes effect after it. */
  request(cause: Cause): void {
    if (this.#stopped) return;
    if (this.#wanted !== 'SIGHUP') this.#wanted = cause;
    this.#work ??= this.#run();
  }

  /** Stops replacing the gateway. */
  async stop(): Promise<void> {
    this.#stopping.abort('the server stops');
    this.#watch.close();
    await this.#work;
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #run(): Promise<void> {
    while (this.#wanted !== undefined && !this.#stopped) {
      const cause = this.#wanted;
      this.#wanted = undefined;
      try {
        await this.#reload(cause);
      } catch (error) {
        if (this.#stopped) break;
        this.#host.log.error('reload-failed', { cause, problems: this.#problemsOf(error) });
      }
    }
    this.#work = undefined;
  }

  async #reload(cause: Cause): Promise<void> {
    const { source, load } = this.#options;
    const { generations, log, clock } = this.#host;
    const text = await readSettled(source.file, clock, this.#stopping.signal);
    if (cause === 'watch' && text === this.#text) return;
    this.#text = text;
    const loaded = await this.#loadInTime(load({ file: source.file, text }));
    const lost = [...this.#running.protections].filter((one) => !loaded.protections.has(one));
    if (this.#stopped || (cause === 'watch' && lost.length > 0)) {
      await loaded.gateway.close();
      if (!this.#stopped) log.warn('reload-held', { lost });
      return;
    }
    const generation = generations.swap(loaded.gateway, loaded.server.drainTimeout);
    this.#running = loaded;
    log.info('reloaded', { cause, generation });
    const options = changedOptions(this.#fixed, fixedOptions(loaded.server));
    if (options.length > 0) log.warn('restart-needed', { options });
  }

  /** A secret that does not answer must not keep the next reload from being tried. */
  async #loadInTime(loading: Promise<LoadedConfiguration>): Promise<LoadedConfiguration> {
    const loaded = await limited(this.#host.clock, loading, loadWithinMs);
    if (loaded !== undefined) return loaded;
    loading.then(({ gateway }) => gateway.close(), ignore);
    throw new Error(
      `it was not loaded within ${loadWithinMs / 1_000} s; check that each secret can be read, then reload again`,
    );
  }

  #problemsOf(error: unknown): readonly string[] {
    const { file } = this.#options.source;
    if (error instanceof InvalidConfiguration)
      return error.problems.map((problem) => formatProblem(file, problem));
    return [`${file}: ${messageOf(error)}`];
  }
}

type FixedOptions = Readonly<Record<string, unknown>>;

function fixedOptions({ drainTimeout: _, ...fixed }: ServerOptions): FixedOptions {
  return fixed;
}

function changedOptions(before: FixedOptions, now: FixedOptions): readonly string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...keys]
    .filter((key) => JSON.stringify(before[key]) !== JSON.stringify(now[key]))
    .map((key) => `server.${key}`);
}
