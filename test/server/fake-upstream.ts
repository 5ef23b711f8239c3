import type { Readable } from 'node:stream';
import type { Call, Receiver, Upstream } from '../../gateway/upstream/upstream.ts';

/** A call as the test holds it: what was asked for, and whom to answer. */
export interface HeldCall {
  readonly call: Call;
  readonly receiver: Receiver;
  resumed: number;
  aborted: boolean;
}

/** An upstream whose answers the test gives by hand, when it wants. */
export class HeldUpstream implements Upstream {
  readonly timeoutMs = 10_000;
  readonly calls: HeldCall[] = [];
  #taken = 0;
  #waiting: (() => void)[] = [];

  forward(call: Call, receiver: Receiver) {
    const held: HeldCall = { call, receiver, resumed: 0, aborted: false };
    this.calls.push(held);
    for (const wake of this.#waiting.splice(0)) wake();
    return {
      resume() {
        held.resumed += 1;
      },
      abort() {
        held.aborted = true;
      },
    };
  }

  /** The first call not taken yet, waiting for it if need be. */
  async next(): Promise<HeldCall> {
    const index = this.#taken;
    this.#taken += 1;
    while (this.calls.length <= index) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.calls[index] as HeldCall;
  }

  ready() {
    return { ready: true, epoch: 0 } as const;
  }

  async close(): Promise<void> {}
}

/** Answers with what the body's bytes were, after reading them all. */
export function echo(body: unknown, answer: (bytes: Buffer) => void, failed: (error: Error) => void): void {
  if (body === null) return answer(Buffer.alloc(0));
  if (body instanceof Uint8Array) return answer(Buffer.from(body));
  const chunks: Buffer[] = [];
  (body as Readable)
    .on('data', (chunk: Buffer) => chunks.push(chunk))
    .on('end', () => answer(Buffer.concat(chunks)))
    .on('error', failed);
}
