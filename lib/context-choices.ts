import { InvalidProps } from './problem.ts';

/**
 * Returns the choices that the CDK context has under a name: an object in cdk.json, JSON text with `--context`.
 *
 * @throws InvalidProps if it is not an object, or has an unknown choice
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
