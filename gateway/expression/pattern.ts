import type { RE2JS } from 're2js';
import type { Frame } from './frame.ts';

const maxPatternCharacters = 512;
const maxProgramSize = 4_000;

/** Whether a text has a match; counts its own steps. */
export type Pattern = (text: string, frame: Frame) => boolean;

/** Compiles one pattern. @throws Error saying what is wrong with it */
export type PatternCompiler = (pattern: string) => Pattern;

/**
 * Loads the engine that matches in time linear in the text (RE2's syntax, without back-references and look-around).
 *
 * JavaScript's own takes exponential time on some patterns, so it never sees one of an expression. The engine is 150 KB
 * and takes 6 ms to load, so only a configuration that matches patterns loads it.
 */
export async function loadPatternCompiler(): Promise<PatternCompiler> {
  const { RE2JS } = await import('re2js');
  return function compilePattern(pattern) {
    if (pattern.length > maxPatternCharacters)
      throw new Error(`the pattern has ${pattern.length} characters, the limit is ${maxPatternCharacters}`);
    return limited(RE2JS.compile(pattern));
  };
}

function limited(compiled: RE2JS): Pattern {
  const size = compiled.programSize();
  if (size > maxProgramSize)
    throw new Error(
      `the pattern compiles to ${size} instructions, the limit is ${maxProgramSize}; repeat less`,
    );
  // Measured: 10 to 16 ns a character when the automaton is warm, up to 1 ns more for each instruction when it is not.
  const stepsForCharacter = 2 + size / 8;
  return function matches(text, frame) {
    frame.spend(text.length * stepsForCharacter);
    return compiled.test(text);
  };
}
