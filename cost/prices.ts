import table from './prices.json' with { type: 'json' };

/** Where a figure was found. Nothing is fetched: a price is as old as its source says. */
export interface Source {
  readonly what: string;
  readonly url: string;
  /** The day, the month or the year for which the source states it; null when it does not say. */
  readonly stated: string | null;
}

export interface Price {
  readonly what: string;
  /** US dollars for `per` units, without tax. */
  readonly usd: number;
  readonly per: number;
  readonly unit: string;
  /** AWS's own page, to check the price. */
  readonly page: string;
  /** The id of its source. */
  readonly source: keyof typeof table.sources;
  readonly note?: string;
}

/** AWS's free allowance for each account, every month, which everything in the account shares. */
export interface Allowance {
  readonly what: string;
  readonly amount: number;
  readonly unit: string;
  /** The prices whose quantities use it. */
  readonly prices: readonly PriceId[];
  readonly source: keyof typeof table.sources;
}

export type PriceId = keyof typeof table.prices;

export const region: string = table.region;
/** The day on which the prices were written down. */
export const taken: string = table.taken;
export const sources: Readonly<Record<string, Source>> = table.sources;
export const prices = table.prices as unknown as Readonly<Record<PriceId, Price>>;
export const allowances = table.allowances as unknown as Readonly<Record<string, Allowance>>;

/** How many months old a statement was on the day it was written down; undefined if its source has no month. */
export function ageInMonths({ stated }: Source, on: string = taken): number | undefined {
  const [year = 0, month] = stated?.split('-').map(Number) ?? [];
  if (month === undefined) return undefined;
  const [onYear = 0, onMonth = 1] = on.split('-').map(Number);
  return (onYear - year) * 12 + (onMonth - month);
}
