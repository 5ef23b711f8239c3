import { InvalidProps } from './problem.ts';

/**
 * Gives the choices that stand in the CDK context under a name: an object in cdk.json, JSON text with `--context`.
 *
 * @throws InvalidProps when it is no object, or has a choice that is not known
 */
export function readContextChoices(
  name: string,
  value: unknown,
  known: readonly string[],
): Readonly<Record<string, unknown>> {
  if (value === undefined) return {};
  const choices = typeof value === 'string' ? parseJson(value) : value;
  if (typeof choices !== 'object' || choices === null || Array.isArray(choices)) {
    throw new InvalidProps(
      `The context ${name}`,
      `it is ${JSON.stringify(value)}; give an object of choices`,
    );
  }
  const unknown = Object.keys(choices).filter((key) => !known.includes(key));
  if (unknown.length > 0) {
    throw new InvalidProps(
      `The context ${name}`,
      `it has ${unknown.join(', ')}; known are ${known.join(', ')}`,
    );
  }
  return choices as Readonly<Record<string, unknown>>;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
