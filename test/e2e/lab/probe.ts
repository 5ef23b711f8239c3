import { join } from 'node:path';
import type { FunctionOptions, Lab } from './lab.ts';
import type { Sandbox } from './sandbox.ts';

/** What the probe function gives back: the answer it got, or the error it met. */
export interface ProbeAnswer {
  readonly status?: number;
  readonly body?: unknown;
  /** How long it took inside the function, in milliseconds. */
  readonly ms?: number;
  readonly errorType?: string;
  readonly errorMessage?: string;
}

/** A sandbox with Postern's layer beside a function that knows nothing of Postern but two ports. */
export interface Probe extends Sandbox {
  /** Calls the URL through the SOCKS5 port. */
  get(url: string): Promise<ProbeAnswer>;
  /** Asks the readiness endpoint, such as `/ready?within=1000`. */
  ask(path: string): Promise<ProbeAnswer>;
}

export async function startProbe(lab: Lab, options: FunctionOptions = {}): Promise<Probe> {
  const sandbox = await lab.forwarder({ bundle: join(import.meta.dirname, 'probe'), ...options });

  async function send(event: unknown): Promise<ProbeAnswer> {
    const { payload } = await sandbox.invoke(JSON.stringify(event));
    // The emulator says in plain text that a function took too long.
    return payload.startsWith('{') ? (JSON.parse(payload) as ProbeAnswer) : { errorMessage: payload };
  }

  return { ...sandbox, get: (url) => send({ url }), ask: (path) => send({ ask: path }) };
}
