import { CodedError } from '../base/coded-error.ts';
import { formatAddress, type ListenAddress } from './address.ts';

/** An address could not be listened on; the message says why and what to do. */
export class ListenError extends CodedError {}

/** Explains in one line why an address could not be listened on. `setting` names what to change, such as POSTERN_LISTEN. */
export function listenError(error: unknown, address: ListenAddress, setting: string): ListenError {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const where = formatAddress(address);
  const change = `set ${setting} to another HOST:PORT`;
  const [reason, says] = reasons[code] ?? ['failed', `cannot be listened on: ${message};`];
  return new ListenError(`listen:${reason}`, `${where} ${says} ${change}`, { cause: error });
}

const unresolved = ['unknown-host', 'has a host name that cannot be resolved;'] as const;
const reasons: Readonly<Record<string, readonly [reason: string, says: string]>> = {
  EADDRINUSE: ['in-use', 'is in use by another program; stop it, or'],
  EACCES: ['forbidden', 'cannot be listened on by this user, like most ports below 1024;'],
  EADDRNOTAVAIL: ['not-local', 'is not an address of this machine;'],
  ENOTFOUND: unresolved,
  EAI_AGAIN: unresolved,
};
