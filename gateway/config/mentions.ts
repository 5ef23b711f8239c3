import type { Named } from '../../base/named.ts';

/**
 * Gives whether a configuration mentions a part by its name: as a key, as a value, or inside a text, which may be an expression.
 *
 * It says yes for a path such as `/webhook` too, which loads a plugin that nobody configured. It never says no for what is used, and
 * so the same question decides what is loaded and what a function's bundle holds.
 */
export function mentionsOf(configuration: unknown): Named {
  const text = (JSON.stringify(configuration) ?? '').toLowerCase();
  return (name) => text.includes(name);
}
