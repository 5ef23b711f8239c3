import type * as z from 'zod/mini';
import { referenceExpected } from './secret-reference.ts';

/** One problem of a value. `path` lists the keys and indexes that lead to it. */
export interface SchemaProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** Whether a key is unknown; it is the last of `path`. */
  readonly unknownKey?: boolean;
  /** The values accepted there, if they are a closed list. */
  readonly candidates?: readonly string[];
  /** Whether to hide the value: it may be a secret, or the key itself is wrong. */
  readonly hideValue?: boolean;
}

const nouns: Readonly<Record<string, string>> = {
  object: 'a map',
  record: 'a map',
  array: 'a list',
  string: 'a string',
  int: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
};

/** Translates an issue of the library into the words of the configuration. */
export function problemsOf(issue: z.core.$ZodIssue): readonly SchemaProblem[] {
  const path = issue.path.map((key) => (typeof key === 'number' ? key : String(key)));
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({ path: [...path, key], message: 'unknown key', unknownKey: true }));
    case 'invalid_value':
      return [oneOf(path, issue.values.map(String))];
    case 'invalid_union':
      return union(path, issue);
    case 'invalid_key':
      return [
        { path, message: `the name is wrong: ${issue.issues[0]?.message ?? issue.message}`, hideValue: true },
      ];
    case 'invalid_type':
      return [
        {
          path,
          message:
            issue.message === unsaid ? `expected ${nouns[issue.expected] ?? issue.expected}` : issue.message,
        },
      ];
    case 'too_small':
      if (issue.message !== unsaid)
        return [{ path, message: issue.message, hideValue: issue.origin === 'array' }];
      return [{ path, message: `expected ${bound(issue.origin, 'at least', issue.minimum)}` }];
    case 'too_big':
      return [{ path, message: `expected ${bound(issue.origin, 'at most', issue.maximum)}` }];
    default:
      return [{ path, message: issue.message, hideValue: issue.message === referenceExpected }];
  }
}

/** The library's message where we set none. */
const unsaid = 'Invalid input';

function oneOf(path: SchemaProblem['path'], candidates: readonly string[]): SchemaProblem {
  return {
    path,
    message: `expected ${candidates.map((value) => JSON.stringify(value)).join(' or ')}`,
    candidates,
  };
}

/** Picks the branch that got furthest, which explains best what is wrong; if one key tells the branches apart, that key is wrong. */
function union(path: SchemaProblem['path'], issue: z.core.$ZodIssueInvalidUnion): readonly SchemaProblem[] {
  const { options } = issue as { readonly options?: readonly unknown[] };
  if (options !== undefined) return [oneOf(path, options.map(String))];
  const branches = issue.errors.map((errors) => errors.flatMap(problemsOf));
  const deepest = branches.sort((a, b) => depth(b) - depth(a))[0] ?? [];
  return deepest.map((problem) => ({ ...problem, path: [...path, ...problem.path] }));
}

function depth(problems: readonly SchemaProblem[]): number {
  return Math.max(0, ...problems.map((problem) => problem.path.length));
}

function bound(origin: string, word: string, limit: number | bigint): string {
  if (origin === 'array') return `${word} ${limit} ${limit === 1 ? 'item' : 'items'}`;
  if (origin === 'string') return `${word} ${limit} ${limit === 1 ? 'character' : 'characters'}`;
  return `${word} ${limit}`;
}
