import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Log, LogFields } from '../../base/log.ts';
import { loadGateway, Upstreams } from '../../gateway/index.ts';
import { PrometheusMetrics } from '../../server/prometheus.ts';
import { type Serving, serve } from '../../server/serve.ts';
import { testPorts } from '../support/ports.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const free = { host: '127.0.0.1', port: 0 };
/** What follows is past the time in which a file must rest, many times over, and short of any drain. */
const longMs = 2_000;
/** For a line that does not come. */
const mostLooks = 20_000;

export interface Line {
  readonly event: string;
  readonly fields: LogFields;
}

/** A log whose lines a test takes one by one. */
class HeardLog {
  readonly lines: Line[] = [];
  #taken = 0;
  readonly log: Log;

  constructor() {
    const write = (event: string, fields: LogFields = {}) => void this.lines.push({ event, fields });
    this.log = { info: write, warn: write, error: write };
  }

  /** The next line that was not taken, if there is one. */
  take(): Line | undefined {
    const line = this.lines[this.#taken];
    if (line !== undefined) this.#taken += 1;
    return line;
  }

  /** All that were not taken. */
  rest(): readonly Line[] {
    const rest = this.lines.slice(this.#taken);
    this.#taken = this.lines.length;
    return rest;
  }
}

export interface Place {
  readonly folder: string;
  readonly file: string;
  readonly clock: VirtualClock;
  readonly heard: HeardLog;
  readonly signals: EventEmitter;
  readonly serving: Serving;
  readonly secrets: Map<string, string | Promise<string>>;
  /** Asks the gateway; gives status and body. */
  ask(path?: string): Promise<string>;
  /** Waits for the next line. */
  next(): Promise<Line>;
  /** Lets much time pass, and gives what was logged in it. */
  quiet(): Promise<readonly Line[]>;
}

/** The gateway on a file that `make` puts into a new folder. */
export async function start(
  t: TestContext,
  make: (folder: string) => Promise<string>,
  watch: boolean,
): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-reload-'));
  const file = await make(folder);
  const [clock, heard, signals, upstreams] = [
    new VirtualClock(),
    new HeardLog(),
    new EventEmitter(),
    new Upstreams(),
  ];
  const secrets = new Map<string, string | Promise<string>>();
  const load = (source: { readonly file: string; readonly text: string }) =>
    loadGateway(
      source,
      testPorts({
        clock,
        log: heard.log,
        secrets: {
          async get(reference) {
            return Buffer.from(await (secrets.get(reference) ?? assert.fail(reference)));
          },
        },
        upstreams,
        warned() {},
      }),
    );
  const source = { file, text: await readFile(file, 'utf8') };
  const loaded = await load(source);
  const serving = await serve({
    ...loaded,
    listen: free,
    admin: free,
    log: heard.log,
    metrics: new PrometheusMetrics(),
    signals,
    clock,
    reload: { source, load, watch },
  });
  t.after(async () => {
    signals.emit('SIGTERM', 'SIGTERM');
    await clock.run(serving.stopped);
    await rm(folder, { recursive: true });
  });
  async function ask(path = '/'): Promise<string> {
    const { host, port } = serving.address;
    const answer = await fetch(`http://${host}:${port}${path}`);
    return `${answer.status} ${await answer.text()}`;
  }
  async function next(): Promise<Line> {
    for (let looks = 0; looks < mostLooks; looks += 1) {
      const line = heard.take();
      if (line !== undefined) return line;
      await clock.advance(10);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return assert.fail('nothing was logged');
  }
  async function quiet(): Promise<readonly Line[]> {
    for (let passed = 0; passed < longMs; passed += 10) await clock.advance(10);
    return heard.rest();
  }
  const place = { folder, file, clock, heard, signals, serving, secrets, ask, next, quiet };
  assert.equal((await next()).event, 'listening');
  // The look at the start finds nothing new.
  assert.deepEqual(await quiet(), []);
  return place;
}

export const answering = (body: string, more = '') =>
  `services: {}\nroutes:\n  a: { match: { path: /* }, open: true, answer: { status: 200, body: ${body} } }\n${more}`;

export async function plain(folder: string): Promise<string> {
  const file = join(folder, 'postern.yaml');
  await writeFile(file, answering('old'));
  return file;
}

/** A file with one route that answers by itself; `route` has its other options. */
export const guarded = (route: string, more: string) => `services: {}
routes:
  a: { match: { path: /* }, answer: { status: 200, body: a }, ${route} }
${more}`;
