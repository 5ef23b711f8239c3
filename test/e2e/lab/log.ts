/** One line that a process of the lab wrote. `json` is its value when the line is one JSON object. */
export interface LogLine {
  readonly text: string;
  /** Milliseconds since the epoch, when the lab read it. */
  readonly atMs: number;
  readonly json: Readonly<Record<string, unknown>> | undefined;
}

/** What a process of the lab wrote, line by line, in memory; the oldest lines go when there are too many. */
export class Log {
  readonly #lines: LogLine[] = [];
  readonly #listeners = new Set<(line: LogLine) => void>();
  #rest = '';

  static readonly #maxLines = 20_000;

  append(chunk: string): void {
    const parts = (this.#rest + chunk).split('\n');
    this.#rest = parts.pop() ?? '';
    for (const text of parts) {
      const line = { text, atMs: Date.now(), json: parseObject(text) };
      this.#lines.push(line);
      for (const listener of this.#listeners) listener(line);
    }
    if (this.#lines.length > Log.#maxLines) this.#lines.splice(0, this.#lines.length - Log.#maxLines);
  }

  get lines(): readonly LogLine[] {
    return this.#lines;
  }

  /** Every line that is a JSON object, as that object. */
  get json(): readonly Readonly<Record<string, unknown>>[] {
    return this.#lines.flatMap((line) => (line.json === undefined ? [] : [line.json]));
  }

  get text(): string {
    return this.#lines.map((line) => line.text).join('\n') + this.#rest;
  }

  /** The last lines, for the message of an error. */
  tail(count = 15): string {
    return this.#lines
      .slice(-count)
      .map((line) => `    ${line.text}`)
      .join('\n');
  }

  /**
   * Gives the first line, written already or still to come, that the condition holds for.
   *
   * @throws Error with the log's last lines when none comes within the limit
   */
  async waitFor(condition: (line: LogLine) => boolean, what: string, limitMs = 60_000): Promise<LogLine> {
    const found = this.#lines.find(condition);
    if (found !== undefined) return found;
    return new Promise((resolve, reject) => {
      const listen = (line: LogLine): void => {
        if (!condition(line)) return;
        stop();
        resolve(line);
      };
      const giveUp = (): void => {
        stop();
        reject(new Error(`no line with ${what} within ${limitMs} ms; the last lines:\n${this.tail()}`));
      };
      const timer = setTimeout(giveUp, limitMs);
      const stop = (): void => {
        clearTimeout(timer);
        this.#listeners.delete(listen);
      };
      this.#listeners.add(listen);
    });
  }
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return value as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}
