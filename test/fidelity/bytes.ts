/** Every byte value once. */
export const everyByte = Uint8Array.from({ length: 256 }, (_, value) => value);

/** Bytes that compress badly, the same in every run (xorshift32). */
export function noise(size: number, seed = 0x9e3779b9): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = seed;
  for (let at = 0; at < size; at += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state & 0xff;
  }
  return bytes;
}

export function utf8(text: string): Uint8Array {
  return Buffer.from(text, 'utf8');
}
