import { formatAddress, type ListenAddress } from './address.ts';

/** An address could not be listened on; the message says why and what to do. */
export class ListenError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ListenError';
  }
}

/** Explains in one line why an address could not be listened on. `setting` names what to change, such as POSTERN_LISTEN. */
export function listenError(error: unknown, address: ListenAddress, setting: string): ListenError {
  const { code, message } = error as NodeJS.ErrnoException;
  const where = formatAddress(address);
  const change = `set ${setting} to another HOST:PORT`;
  return new ListenError(reason(), { cause: error });

  function reason(): string {
    switch (code) {
      case 'EADDRINUSE':
        return `${where} is in use by another program; stop it, or ${change}`;
      case 'EACCES':
        return `${where} cannot be listened on by this user, like most ports below 1024; ${change}`;
      case 'EADDRNOTAVAIL':
        return `${where} is not an address of this machine; ${change}`;
      case 'ENOTFOUND':
      case 'EAI_AGAIN':
        return `${where} has a host name that cannot be resolved; ${change}`;
      default:
        return `${where} cannot be listened on: ${message}; ${change}`;
    }
  }
}
