/** Longer bodies are hashed over several turns of the event loop, or in a thread: a mebibyte takes 1 to 3 ms. */
export const turnBytes = 1024 * 1024;

/**
 * Passes a body on in pieces, each in its own turn of the event loop.
 *
 * @returns whether the whole body was passed on; false if `isOver` returned true between two pieces
 */
export async function inTurns(
  body: Uint8Array,
  use: (piece: Uint8Array, at: number) => void,
  isOver: () => boolean = () => false,
): Promise<boolean> {
  for (let at = 0; at < body.byteLength; at += turnBytes) {
    if (at > 0) await new Promise((resume) => setImmediate(resume));
    if (isOver()) return false;
    use(body.subarray(at, at + turnBytes), at);
  }
  return true;
}

export type Try = () => boolean | Promise<boolean>;

/**
 * Whether one of the tries succeeds. They run one after another; the result is a promise only if one of them does not end at once.
 * After `isOver` returned true, no further try is made.
 */
export function someTry(tries: readonly Try[], isOver: () => boolean, from = 0): boolean | Promise<boolean> {
  for (let at = from; at < tries.length && !isOver(); at += 1) {
    const result = (tries[at] as Try)();
    if (result instanceof Promise) return result.then((yes) => yes || someTry(tries, isOver, at + 1));
    if (result) return true;
  }
  return false;
}

let last: Promise<unknown> = Promise.resolve();

/** Runs a try after all earlier ones: a try that needs much memory then needs it only once, however many requests wait. */
export function afterOthers(one: Try): Promise<boolean> {
  const result = last.then(one);
  last = result.catch(() => undefined);
  return result;
}
