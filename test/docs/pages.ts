import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

/** The text of a page, by its path in the repository. */
export function page(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}

/** The text of a source file, by its path in the repository. */
export const source = page;

/** A number of the source: `const NAME = 64 * 1024;`, `NAME: 10_000,`, `NAME: Duration.days(1)` and the like. */
export function constant(file: string, name: string): number {
  const pattern = new RegExp(
    `\\b${name}(?: =|:| \\?\\?) (?:Duration\\.\\w+\\()?([\\d_]+(?: \\* [\\d_]+)*)[;,) ]`,
  );
  const [, number = ''] = pattern.exec(source(file)) ?? [];
  assert.notEqual(number, '', `${file} has no ${name}`);
  return number
    .split(' * ')
    .map((factor) => Number(factor.replaceAll('_', '')))
    .reduce((product, factor) => product * factor, 1);
}

/** The text below a heading, up to the next heading of its level or above. Without a heading, the page. */
export function section(path: string, heading?: string): string {
  const text = `\n${page(path)}`;
  if (heading === undefined) return text;
  const start = text.indexOf(`\n${heading}\n`);
  if (start < 0) throw new Error(`${path} has no heading ${heading}`);
  const rest = text.slice(start + heading.length + 2);
  const level = heading.indexOf(' ');
  const end = rest.search(new RegExp(`^#{1,${level}} `, 'm'));
  return end < 0 ? rest : rest.slice(0, end);
}

/** The rows of all tables below a heading, each a list of cells, without the rows that head a table. */
export function rows(path: string, heading?: string): readonly (readonly string[])[] {
  const lines = section(path, heading).split('\n');
  const cells = lines.map((line) =>
    /^\s*\|/.test(line)
      ? line
          .trim()
          .slice(1, -1)
          .split(/(?<!\\)\|/)
          .map((cell) => cell.trim())
      : undefined,
  );
  const isRule = (row: readonly string[] | undefined) => row?.every((cell) => /^:?-+:?$/.test(cell)) === true;
  return cells.filter(
    (row, at): row is string[] => row !== undefined && !isRule(row) && !isRule(cells[at + 1]),
  );
}

/** The names in backquotes at the beginning of a cell: `a`, `b` and more. */
export function names(cell: string | undefined): readonly string[] {
  return [...(/^`[^`]+`(?:, `[^`]+`)*/.exec(cell ?? '')?.[0] ?? '').matchAll(/`([^`]+)`/g)].map(
    ([, name]) => name as string,
  );
}
