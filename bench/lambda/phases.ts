import type { Sandbox } from '../../test/e2e/lab/sandbox.ts';

/** Where the time of one cold start went, in milliseconds from the client's first byte, according to the logs. */
export interface Phases {
  /** The emulator has started the extension, and it has registered: the function's runtime is started. */
  readonly registered: number;
  /** The tunnel works and is proven: the extension asks for its next event. */
  readonly tunnelReady: number;
  /** The forwarder has its event. */
  readonly requestBegun: number;
  /** The forwarder has the target's answer. */
  readonly answered: number;
  /** The client has the last byte. */
  readonly done: number;
}

export const phaseNames: readonly (keyof Phases)[] = [
  'registered',
  'tunnelReady',
  'requestBegun',
  'answered',
  'done',
];

/** @param startedMs when the request was sent, in milliseconds since the epoch, with fractions */
export function readPhases({ log }: Sandbox, startedMs: number, tookMs: number): Phases {
  const registered = log.lines.find(({ text }) => text.includes('registered, subscribed to'));
  const ready = log.json.find(({ event }) => event === 'tunnel ready');
  const request = log.json.find(({ event }) => event === 'request');
  const answeredMs = timeOf(request) - startedMs;
  return {
    registered: (registered?.atMs ?? Number.NaN) - startedMs,
    tunnelReady: timeOf(ready) - startedMs,
    requestBegun: answeredMs - Number(request?.ms),
    answered: answeredMs,
    done: tookMs,
  };
}

function timeOf(line: Readonly<Record<string, unknown>> | undefined): number {
  return Date.parse(String(line?.time));
}
