import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { rules } from './http-api-rules.ts';

/** Names tests after the rules that they prove. */
export interface Proof<Rule extends string> {
  /** One test, which bears the rule's words. */
  rule(words: Rule, body: () => Promise<void> | void): void;
  /** A table: one test a row, named by its first column. */
  table<Row extends readonly [name: string, ...unknown[]]>(
    words: Rule,
    rows: readonly Row[],
    body: (...row: Row) => Promise<void> | void,
  ): void;
  /** Adds the test that no rule of the area was forgotten. Last. */
  complete(): void;
}

export function proofOf<Area extends keyof typeof rules>(
  area: Area,
): Proof<keyof (typeof rules)[Area] & string> {
  const unproven = new Set(Object.keys(rules[area]));
  return {
    rule(words, body) {
      unproven.delete(words);
      test(words, body);
    },
    table(words, rows, body) {
      unproven.delete(words);
      describe(words, () => {
        for (const row of rows) test(row[0], () => body(...row));
      });
    },
    complete() {
      test(`each rule of the ${area} has a test`, () => assert.deepEqual([...unproven], []));
    },
  };
}
