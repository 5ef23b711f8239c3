import type { Named } from '../../base/named.ts';

/**
 * Returns whether a configuration mentions a name: as a key, as a value, or inside a text, which may be an expression.
 *
 * This is also true for a path such as `/webhook`, which loads a plugin that nobody configured. It is never false for what the
 * configuration uses, so the same question decides what is loaded and what a function's bundle contains.
 */
export function mentionsOf(configuration: unknown): Named {
  const text = (JSON.stringify(configuration) ?? '').toLowerCase();
  return (name) => text.includes(name);
}
