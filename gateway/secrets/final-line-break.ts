/** Takes one line break (`\n` or `\r\n`) off the end of a secret: editors and `file://…` of the AWS command line put it there. */
export function withoutFinalLineBreak(bytes: Uint8Array): Uint8Array {
  if (bytes.at(-1) !== 0x0a) return bytes;
  return bytes.subarray(0, bytes.byteLength - (bytes.at(-2) === 0x0d ? 2 : 1));
}
