import { CodedError } from './coded-error.ts';
/** Takes one line break (`\n` or `\r\n`) off the end of a secret: editors and `file://…` of the AWS command line put it there. */
export function withoutFinalLineBreak(bytes: Uint8Array): Uint8Array {
  if (bytes.at(-1) !== 0x0a) return bytes;
  return bytes.subarray(0, bytes.byteLength - (bytes.at(-2) === 0x0d ? 2 : 1));
}

/** @throws Error that names the reference: with nothing, or with blanks, as a key anyone could sign */
export function refuseBlank(bytes: Uint8Array, reference: string): Uint8Array {
  if (bytes.byteLength === 0)
    throw new CodedError('secret:blank', `${reference} is empty; put the secret into it`);
  if (/^[\s\0]*$/.test(Buffer.from(bytes).toString('utf8')))
    throw new CodedError('secret:blank', `${reference} has only blanks; put the secret into it`);
  return bytes;
}
