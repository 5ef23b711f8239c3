/** What was thrown, in words, whatever it is. Never throws: who asks has no other way to say that something failed. */
export function messageOf(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown);
  } catch {
    return 'something was thrown that has no message';
  }
}
