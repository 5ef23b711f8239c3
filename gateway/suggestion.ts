import { distance } from 'fastest-levenshtein';

/** `did you mean "webhook"?` when one of the candidates is near; otherwise the candidates, when they are few. */
export function suggestion(got: string, candidates: readonly string[]): string | undefined {
  const near = candidates
    .map((candidate) => ({ candidate, away: distance(got.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.away - b.away)[0];
  if (near !== undefined && near.away <= Math.max(1, Math.floor(near.candidate.length / 3))) {
    return `did you mean ${JSON.stringify(near.candidate)}?`;
  }
  if (candidates.length === 0 || candidates.length > 12) return undefined;
  return `known are ${candidates.join(', ')}`;
}
