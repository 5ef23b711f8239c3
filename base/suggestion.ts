import { distance } from 'fastest-levenshtein';

/** `did you mean "webhook"?` if one of the candidates is similar. */
export function nearest(got: string, candidates: readonly string[]): string | undefined {
  const near = candidates
    .map((candidate) => ({ candidate, away: distance(got.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.away - b.away)[0];
  if (near === undefined) return undefined;
  const { candidate, away } = near;
  // Any two texts of one character differ by one step.
  const isNear =
    away <= Math.max(1, Math.floor(candidate.length / 3)) && away < Math.min(got.length, candidate.length);
  return isNear ? `did you mean ${JSON.stringify(candidate)}?` : undefined;
}

/** The most similar candidate, or else the candidates if they are few. */
export function suggestion(got: string, candidates: readonly string[]): string | undefined {
  const near = nearest(got, candidates);
  if (near !== undefined) return near;
  return candidates.length === 0 || candidates.length > 12 ? undefined : `known are ${candidates.join(', ')}`;
}
