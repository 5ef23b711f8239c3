import { type Assumption, assumptionTable } from './assumptions.ts';
import type { Change } from './changes.ts';
import type { Point } from './curve.ts';
import type { Line, Month } from './model.ts';
import { ageInMonths, allowances, prices, sources } from './prices.ts';

/** Rows of text; the first is the head. Columns with only figures are aligned to the right. */
export type Table = readonly (readonly string[])[];

export function monthTable({ lines, usd, afterAllowancesUsd, perMillionUsd }: Month): Table {
  return [
    ['a month', 'quantity', '$ for 1 M requests', '$ a month', '$ after free allowances'],
    ...lines.map((line) => [
      line.what,
      quantityOf(line),
      line.grows ? money(line.usd) : '',
      money(line.usd),
      money(line.afterAllowancesUsd),
    ]),
    ['All', '', money(perMillionUsd), money(usd), money(afterAllowancesUsd)],
  ];
}

export function curveTable(points: readonly Point[]): Table {
  return [
    [
      'MB',
      'room',
      'warm, working',
      'warm, with the wait',
      'cold, working',
      '$ of Lambda for 1 M',
      'without the wait',
    ],
    ...points.map((point) => [
      String(point.memoryMb),
      point.hasRoom === undefined ? 'not tried' : point.hasRoom ? 'yes' : 'no',
      `${point.workingMs.toFixed(1)} ms`,
      `${point.warmMs.toFixed(1)} ms`,
      `${Math.round(point.coldMs)} ms`,
      money(point.usdPerMillion),
      money(point.withoutWaitUsdPerMillion),
    ]),
  ];
}

export function changesTable({ usd, afterAllowancesUsd }: Month, changes: readonly Change[]): Table {
  return [
    ['change', '$ a month', 'difference', '$ after free allowances', 'difference'],
    ...changes.map((change) => [
      change.what,
      money(change.usd),
      difference(change.usd - usd),
      money(change.afterAllowancesUsd),
      difference(change.afterAllowancesUsd - afterAllowancesUsd),
    ]),
  ];
}

/** Lines that are not part of the month, at list price. */
export function extrasTable(lines: readonly Line[], hours: number): Table {
  const all = lines.reduce((sum, { usd }) => sum + usd, 0);
  return [
    ['a month', 'quantity', '$ a month', '$ an hour'],
    ...lines.map((line) => [line.what, quantityOf(line), money(line.usd), hourly(line.usd / hours)]),
    ['All', '', money(all), hourly(all / hours)],
  ];
}

export function assumptionsTable(): Table {
  return [
    ['assumption', 'value', 'why'],
    ...Object.entries<Assumption>(assumptionTable).map(([id, { value, unit, why }]) => [
      `\`${id}\``,
      `${value.toLocaleString('en')} ${unit}`,
      why,
    ]),
  ];
}

export function pricesTable(): Table {
  return [
    ['price', '$', 'for', 'AWS’s page', 'stated', 'by', 'note'],
    ...Object.values(prices).map(({ what, usd, per, unit, page, source, note }) => [
      what,
      String(usd),
      `${per === 1 ? '' : `${per.toLocaleString('en')} `}${unit}`,
      page,
      statedBy(source),
      `[${source}]`,
      note ?? '',
    ]),
  ];
}

export function allowancesTable(): Table {
  return [
    ['free every month', 'amount', 'stated', 'by'],
    ...Object.values(allowances).map(({ what, amount, unit, source }) => [
      what,
      `${amount.toLocaleString('en')} ${unit}`,
      statedBy(source),
      `[${source}]`,
    ]),
  ];
}

export function sourcesTable(): Table {
  return [
    ['source', 'what it is', 'where'],
    ...Object.entries(sources).map(([id, { what, url }]) => [`[${id}]`, what, url]),
  ];
}

/** For a terminal. */
export function asText(table: Table): string {
  const widths = columnsOf(table).map((column) => Math.max(...column.map((cell) => cell.length)));
  const right = columnsOf(table).map(isFigures);
  return table
    .map((row) =>
      row
        .map((cell, index) =>
          right[index] ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** For a page. */
export function asMarkdown(table: Table): string {
  const rule = columnsOf(table).map((column) => (isFigures(column) ? '---:' : '---'));
  const [head = [], ...rows] = table;
  return [head, rule, ...rows]
    .map((row) => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');
}

export function money(usd: number): string {
  return usd.toFixed(2);
}

function hourly(usd: number): string {
  return usd.toFixed(4);
}

function difference(usd: number): string {
  return `${usd < 0 ? '−' : '+'}${money(Math.abs(usd))}`;
}

function quantityOf({ quantity, price }: Line): string {
  const text =
    quantity >= 100 || Number.isInteger(quantity)
      ? Math.round(quantity).toLocaleString('en')
      : quantity.toPrecision(2);
  return `${text} ${prices[price].unit}`;
}

function statedBy(source: string): string {
  const found = sources[source];
  const age = found === undefined ? undefined : ageInMonths(found);
  if (found === undefined || found.stated === null) return 'without a date';
  return age === undefined ? found.stated : `${found.stated} (${age} months before)`;
}

function columnsOf([head = [], ...rows]: Table): readonly (readonly string[])[] {
  return head.map((name, index) => [name, ...rows.map((row) => row[index] ?? '')]);
}

function isFigures([, ...cells]: readonly string[]): boolean {
  return cells.every((cell) => /^[$+−]?[0-9.,]*(?: ms)?$/.test(cell));
}
