/** Bodies of more bytes are hashed over several turns of the event loop, or beside it: a mebibyte takes 1 to 3 ms. */
export const turnBytes = 1024 * 1024;

export type Try = () => boolean | Promise<boolean>;

/** Whether one of the tries comes out true; one after the other, and by a promise only when one of them does not end at once. */
export function someTry(tries: readonly Try[], from = 0): boolean | Promise<boolean> {
  for (let at = from; at < tries.length; at += 1) {
    const result = (tries[at] as Try)();
    if (result instanceof Promise) return result.then((yes) => yes || someTry(tries, at + 1));
    if (result) return true;
  }
  return false;
}
