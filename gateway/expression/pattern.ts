import type { RE2JS } from 're2js';
import type { Frame } from './frame.ts';

const maxPatternCharacters = 512;
const maxProgramSize = 4_000;

/** Whether a string has a match; counts its own steps. */
export type Pattern = (text: string, frame: Frame) => boolean;

/** Compiles one pattern. @throws Error saying what is wrong with it */
export type PatternCompiler = (pattern: string) => Pattern;

/**
 * Loads the engine, which matches in time linear in the length of the string (RE2's syntax, without back-references and look-around).
 *
 * JavaScript's own engine takes exponential time on some patterns, so it never gets a pattern of an expression. This engine is 150 KB
 * and takes 6 ms to load, so only a configuration that matches patterns loads it.
 */
export async function loadPatternCompiler(): Promise<PatternCompiler> {
  const { RE2JS, RE2JSSyntaxException } = await import('re2js');
  return function compilePattern(pattern) {
    if (pattern.length > maxPatternCharacters)
      throw new Error(`the pattern has ${pattern.length} characters, the limit is ${maxPatternCharacters}`);
    try {
      return limited(RE2JS.compile(pattern));
    } catch (error) {
      if (!(error instanceof RE2JSSyntaxException)) throw error;
      const problem = problems[error.getDescription()] ?? 'it is not in the syntax of RE2';
      const place = error.getPattern();
      throw new Error(`the pattern is wrong${place ? ` at ${JSON.stringify(place)}` : ''}: ${problem}`);
    }
  };
}

/** Our message for each problem that the engine reports. */
const problems: Readonly<Record<string, string>> = {
  'missing closing )': 'the ( is not closed',
  'missing closing ]': 'the [ is not closed',
  'unexpected )': 'no ( matches the )',
  'invalid character class range': 'the range or class of characters does not exist',
  'invalid escape sequence': 'RE2 does not have this escape, and no back-references',
  'invalid or unsupported Perl syntax': 'RE2 does not have this kind of group, and no look-around',
  'invalid nested repetition operator': 'a repetition can be repeated only inside a group',
  'missing argument to repetition operator': 'there is nothing to repeat before it',
  'invalid repeat count': 'at most 1,000 repetitions are allowed, and nested ones multiply',
  'invalid named capture': 'RE2 has no look-behind, and the name of a group has only letters, digits and _',
  'duplicate capture group name': 'another group has this name',
  'trailing backslash at end of expression': 'it ends in a backslash',
};

function limited(compiled: RE2JS): Pattern {
  const size = compiled.programSize();
  if (size > maxProgramSize)
    throw new Error(
      `the pattern compiles to ${size} instructions, the limit is ${maxProgramSize}; repeat less`,
    );
  // Measured: 10 to 16 ns per character once the automaton is warm, and up to 1 ns more for each instruction before that.
  const stepsForCharacter = 2 + size / 8;
  return function matches(text, frame) {
    frame.spend(text.length * stepsForCharacter);
    return compiled.test(text);
  };
}
