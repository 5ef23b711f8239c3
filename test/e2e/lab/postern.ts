import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { call, type HttpAnswer } from './http.ts';
import { runFolder } from './network.ts';
import { descendants } from './proc.ts';
import { type Running, start, until } from './process.ts';

/** A `postern serve` with one open route to the private target. */
export interface Postern {
  readonly running: Running;
  readonly url: string;
  /** The processes that it started. */
  children(): readonly number[];
  get(path?: string): Promise<HttpAnswer>;
  /** What `/readyz` says of the service. */
  ready(): Promise<{ readonly ready: boolean; readonly code?: string; readonly detail?: string }>;
}

let count = 0;

/** Starts it, and waits until it listens; not until it is ready. */
export async function startPostern(options: {
  readonly target: string;
  readonly tailnet: unknown;
  readonly env?: Readonly<Record<string, string>>;
}): Promise<Postern> {
  const { target, tailnet, env } = options;
  count += 1;
  const folder = join(runFolder, `postern${count}`);
  mkdirSync(folder);
  const config = join(folder, 'postern.json');
  const services = { builds: { targets: [{ url: target }], transport: 'tailnet', timeout: '10s' } };
  const routes = { all: { match: { path: '/*' }, service: 'builds', open: true } };
  writeFileSync(config, JSON.stringify({ services, routes, server: { tailnet } }));
  const program = join(import.meta.dirname, '..', '..', '..', 'bin', 'postern.ts');
  const argv = [process.execPath, program, 'serve', '--config', config];
  const running = start('postern serve', [...argv, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'], {
    env: { ...env },
  });
  const listening = await until(
    'postern listens',
    () => running.log.json.find(({ event }) => event === 'listening'),
    { running },
  );
  const url = `http://${listening.listen}`;
  return {
    running,
    url,
    children: () => descendants(running.pid),
    get: (path = '/') => call(`${url}${path}`),
    async ready() {
      const { body } = await call(`http://${listening.admin}/readyz`);
      return JSON.parse(body.toString()).services.builds;
    },
  };
}
