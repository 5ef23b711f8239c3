import type { FidelityCase } from '../case.ts';
import { answers } from './answers.ts';
import { bodies } from './bodies.ts';
import { headers } from './headers.ts';
import { modes } from './modes.ts';
import { requestLines } from './request-line.ts';

/** What goes through unchanged, and what does not and why. Every host runs all of it. */
export const cases: readonly FidelityCase[] = [...requestLines, ...bodies, ...headers, ...answers, ...modes];
