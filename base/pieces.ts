/** Pieces of this size are kept uncopied; smaller ones are copied together, because an object for each byte costs more than the byte. */
const ownPieceBytes = 16 * 1024;
const leastSlabBytes = 1024;
const mostSlabBytes = 64 * 1024;

/**
 * Bytes that arrive in pieces of any size, in about as much memory as the bytes themselves: small pieces are copied together.
 *
 * Each byte is copied at most twice, and at most twice the arrived bytes plus 1 KiB are allocated.
 */
export class Pieces {
  size = 0;
  /** The only piece so far, uncopied: most bodies are one piece. */
  #only: Uint8Array | undefined = undefined;
  #sealed: Uint8Array[] | undefined = undefined;
  #slab: Buffer | undefined = undefined;
  #start = 0;
  #end = 0;

  /** The number of objects that hold the bytes. */
  get count(): number {
    return (
      (this.#only === undefined ? 0 : 1) + (this.#sealed?.length ?? 0) + (this.#end > this.#start ? 1 : 0)
    );
  }

  add(piece: Uint8Array): void {
    if (this.size === 0) this.#only = piece;
    else {
      if (this.#only !== undefined) {
        this.#append(this.#only);
        this.#only = undefined;
      }
      this.#append(piece);
    }
    this.size += piece.byteLength;
  }

  /** Returns all added bytes in one piece, and starts again. */
  take(): Uint8Array {
    const whole = this.#whole();
    this.clear();
    return whole;
  }

  clear(): void {
    this.size = 0;
    this.#only = undefined;
    this.#sealed = undefined;
    this.#slab = undefined;
    this.#start = 0;
    this.#end = 0;
  }

  #whole(): Uint8Array {
    if (this.#only !== undefined) return this.#only;
    this.#seal();
    const sealed = this.#sealed ?? [];
    return sealed.length === 1 ? (sealed[0] as Uint8Array) : Buffer.concat(sealed, this.size);
  }

  #append(piece: Uint8Array): void {
    if (piece.byteLength >= ownPieceBytes) {
      this.#seal();
      this.#sealed ??= [];
      this.#sealed.push(piece);
      return;
    }
    let at = 0;
    while (at < piece.byteLength) {
      const slab = this.#roomySlab();
      const bytes = Math.min(slab.byteLength - this.#end, piece.byteLength - at);
      slab.set(at === 0 && bytes === piece.byteLength ? piece : piece.subarray(at, at + bytes), this.#end);
      this.#end += bytes;
      at += bytes;
    }
  }

  /** The slab with room for at least one byte. Each new slab is as large as all bytes before it, so that few bytes need few slabs. */
  #roomySlab(): Buffer {
    if (this.#slab !== undefined && this.#end < this.#slab.byteLength) return this.#slab;
    this.#seal();
    this.#slab = Buffer.allocUnsafeSlow(Math.min(mostSlabBytes, Math.max(leastSlabBytes, this.size)));
    this.#start = 0;
    this.#end = 0;
    return this.#slab;
  }

  #seal(): void {
    if (this.#slab === undefined || this.#end === this.#start) return;
    this.#sealed ??= [];
    this.#sealed.push(this.#slab.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }
}
