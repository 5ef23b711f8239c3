import { CodedError } from './coded-error.ts';
import { displayValue } from './display-value.ts';
import { parseDuration } from './duration.ts';

/** The environment of a process. A variable that is empty or blank counts as unset. */
export type EnvironmentVariables = Readonly<Record<string, string | undefined>>;

/** The value without surrounding blanks; undefined if it is unset. */
export function readText(env: EnvironmentVariables, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === '' ? undefined : value;
}

/** The parts of a comma-separated value. */
export function readList(env: EnvironmentVariables, name: string): readonly string[] {
  const parts = (readText(env, name) ?? '').split(',').map((part) => part.trim());
  return Object.freeze(parts.filter((part) => part !== ''));
}

/** A TCP port, at most 65534, so that the next one exists too. @throws Error naming the variable */
export function readPort(env: EnvironmentVariables, name: string, fallback: number): number {
  const value = readText(env, name);
  if (value === undefined) return fallback;
  const number = /^[0-9]{1,5}$/.test(value) ? Number(value) : 0;
  if (number < 1 || number > 65_534) throw wrongVariable(name, value, 'a port from 1 to 65534');
  return number;
}

/** A duration in milliseconds, longer than 0. @throws Error naming the variable */
export function readDuration(
  env: EnvironmentVariables,
  name: string,
  fallbackMs: number,
  maxMs: number,
): number {
  const value = readText(env, name);
  if (value === undefined) return fallbackMs;
  const ms = parseDuration(value);
  if (ms === undefined || ms === 0 || ms > maxMs)
    throw wrongVariable(name, value, `a duration such as 8s or 500ms, at most ${maxMs / 86_400_000}d`);
  return ms;
}

/** The error for a wrong variable: its name, the value got and what to do. */
export function wrongVariable(name: string, got: string, expected: string): CodedError {
  return new CodedError('environment:value', `${name} is ${displayValue(got)}; set it to ${expected}`);
}
