import type { Named } from '../../base/named.ts';
import { addedNames } from '../plugins/index.ts';

/**
 * Gives whether a configuration mentions a part by its name: as a key, as a value, or inside a text, which may be an expression. A
 * plugin is mentioned by the names, too, that it adds to expressions.
 *
 * It says yes for a path such as `/webhook` too, which loads a plugin that nobody configured. It never says no for what is used, and
 * so the same question decides what is loaded and what a function's bundle holds.
 */
export function mentionsOf(configuration: unknown): Named {
  const text = (JSON.stringify(configuration) ?? '').toLowerCase();
  // As a key, such a name is an option: no expression is a key.
  const isInText = (name: string) => new RegExp(`${name}(?!":)`).test(text);
  return (part) => text.includes(part) || addedNames[part]?.some(isInText) === true;
}
