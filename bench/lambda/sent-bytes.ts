import type { Sandbox } from '../../test/e2e/lab/sandbox.ts';

/** What a sandbox has sent to the network so far, in bytes with every header of IP and TCP, and Ethernet's. */
export interface Sent {
  readonly all: number;
  /** The part that the emulator answers to its caller, which the function on AWS does not send. */
  readonly answers: number;
}

/** The headers of IPv4, TCP with timestamps, and Ethernet, for each segment. */
const segmentBytes = 20 + 32 + 14;

export async function readSent(sandbox: Sandbox): Promise<Sent> {
  const devices = await sandbox.runInside(['cat', '/proc/net/dev']);
  const all = devices
    .split('\n')
    .map((line) => /^\s*([^:]+):\s*(.*)$/.exec(line))
    .filter((match) => match !== null && match[1] !== 'lo')
    .reduce((sum, match) => sum + Number(match?.[2]?.split(/\s+/)[8]), 0);
  const answering = await sandbox.runInside(['ss', '-tinH', 'sport', '=', ':8080']);
  const answers =
    sumOf(answering, /\bbytes_sent:([0-9]+)/g) + sumOf(answering, /\bsegs_out:([0-9]+)/g) * segmentBytes;
  return { all, answers };
}

/** What was sent only to the tailnet, between two readings. */
export function sentToOthers(before: Sent, after: Sent): number {
  return after.all - before.all - (after.answers - before.answers);
}

function sumOf(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].reduce((sum, match) => sum + Number(match[1]), 0);
}
