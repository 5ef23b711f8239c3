/** @throws Error that names the reference: with nothing, or with blanks, as a key anyone could sign */
export function refuseBlank(bytes: Uint8Array, reference: string): Uint8Array {
  if (bytes.byteLength === 0) throw new Error(`${reference} is empty; put the secret into it`);
  if (/^[\s\0]*$/.test(Buffer.from(bytes).toString('utf8')))
    throw new Error(`${reference} has only blanks; put the secret into it`);
  return bytes;
}
