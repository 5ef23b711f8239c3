import { CodedError } from './coded-error.ts';

/** Removes one line break (`\n` or `\r\n`) from the end of a secret: editors and `file://…` of the AWS command line add it. */
export function withoutFinalLineBreak(bytes: Uint8Array): Uint8Array {
  if (bytes.at(-1) !== 0x0a) return bytes;
  return bytes.subarray(0, bytes.byteLength - (bytes.at(-2) === 0x0d ? 2 : 1));
}

/** @throws Error that names the reference: anyone could sign with an empty or blank key */
export function refuseBlank(bytes: Uint8Array, reference: string): Uint8Array {
  if (bytes.byteLength === 0)
    throw new CodedError('secret:blank', `${reference} is empty; put the secret into it`);
  if (/^[\s\0]*$/.test(Buffer.from(bytes).toString('utf8')))
    throw new CodedError('secret:blank', `${reference} has only blanks; put the secret into it`);
  return bytes;
}
