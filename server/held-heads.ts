/** An answer whose head is ready and not sent. */
export interface HeldHead {
  /** Sends the head if no byte of the body has come. */
  sendHead(): void;
}

/**
 * Sends heads whose body has not come by the end of a turn of the event loop. So a client sees that a stream has begun, and a
 * body that is ready is sent together with its head, in one write.
 */
export class HeldHeads {
  #held: HeldHead[] = [];

  add(head: HeldHead): void {
    this.#held.push(head);
    if (this.#held.length === 1) setImmediate(() => this.#sendAll());
  }

  #sendAll(): void {
    const held = this.#held;
    this.#held = [];
    for (const head of held) head.sendHead();
  }
}
