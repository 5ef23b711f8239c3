import { readFileSync, writeFileSync } from 'node:fs';
import { assumptions } from './assumptions.ts';
import { region, taken } from './prices.ts';
import type { Report } from './report.ts';
import * as tables from './tables.ts';

const page = new URL('../docs/cost.md', import.meta.url);
const picture = new URL('../docs/power-tuning.svg', import.meta.url);

/** The files that are written from the model. */
export function filesOf(report: Report): readonly { readonly file: URL; readonly text: string }[] {
  return [
    { file: page, text: fill(readFileSync(page, 'utf8'), partsOf(report)) },
    { file: picture, text: report.picture },
  ];
}

export function writeFiles(report: Report): void {
  for (const { file, text } of filesOf(report)) writeFileSync(file, text);
}

/** What goes between `<!-- cost: NAME -->` and `<!-- end -->` in the page. */
function partsOf(report: Report): Readonly<Record<string, string>> {
  const { asMarkdown } = tables;
  return {
    verdict: report.verdict.join('\n'),
    measured: report.measured.join('\n'),
    month: asMarkdown(tables.monthTable(report.month)),
    curve: asMarkdown(tables.curveTable(report.curve)),
    changes: asMarkdown(tables.changesTable(report.month, report.changes)),
    demo: asMarkdown(tables.extrasTable(report.demo, assumptions.hours)),
    edge: asMarkdown(tables.extrasTable(report.edge, assumptions.hours)),
    assumptions: asMarkdown(tables.assumptionsTable()),
    allowances: asMarkdown(tables.allowancesTable()),
    prices: `Written down on ${taken}, for ${region}.\n\n${asMarkdown(tables.pricesTable())}`,
    sources: asMarkdown(tables.sourcesTable()),
  };
}

/** @throws Error if a part is missing in the page or in the report */
export function fill(text: string, parts: Readonly<Record<string, string>>): string {
  const filled = new Set<string>();
  const result = text.replace(
    /(<!-- cost: ([a-z]+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, begin: string, name: string, end: string) => {
      const part = parts[name];
      if (part === undefined)
        throw new Error(`docs/cost.md has a part ${name}, which the model does not fill`);
      filled.add(name);
      return `${begin}\n${part}\n\n${end}`;
    },
  );
  const missing = Object.keys(parts).filter((name) => !filled.has(name));
  if (missing.length > 0)
    throw new Error(`docs/cost.md lacks <!-- cost: ${missing.join(' -->, <!-- cost: ')} -->`);
  return result;
}
