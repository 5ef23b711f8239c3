import { messageOf } from './message-of.ts';

/** Whether a name is mentioned somewhere, such as that of a plugin in a configuration. */
export type Named = (name: string) => boolean;

/** Mentions all that there is. */
export const everything: Named = () => true;

/** All that there is of one kind, by name, loaded only when it is named. A part that has parts of its own loads those that are named. */
export type Index<Part> = Readonly<Record<string, (named: Named) => Promise<Part>>>;

/**
 * Loads what is named, all at once.
 *
 * @returns in the order of the index
 * @throws Error when something cannot be loaded
 */
export function loadNamed<Part>(index: Index<Part>, named: Named): Promise<readonly Part[]> {
  const loads = Object.entries(index).filter(([name]) => named(name));
  return Promise.all(
    loads.map(async function load([name, loadPart]) {
      try {
        return await loadPart(named);
      } catch (cause) {
        const why = `${messageOf(cause)}; a bundle has only what was named when it was made`;
        throw new Error(`${name} cannot be loaded: ${why}`, { cause });
      }
    }),
  );
}
