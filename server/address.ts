import { isIP } from 'node:net';

/** Where to listen. An IPv6 address has no brackets here; port 0 means any free one. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * Reads `HOST:PORT`, such as `127.0.0.1:8080` or `[::1]:8080`.
 *
 * The host is required: to listen on all interfaces, write `0.0.0.0:8080` or `[::]:8080`.
 *
 * @throws Error with the value got and what to write
 */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):([0-9]{1,5})$/.exec(text);
  const [, bracketed, plain, digits] = match ?? [];
  const port = Number(digits);
  if (match === null || port > 65_535) throw wrong(text, hintFor(text));
  if (bracketed !== undefined) {
    if (isIP(bracketed) !== 6) throw wrong(text, 'brackets hold an IPv6 address, such as [::1]:8080');
    return { host: bracketed, port };
  }
  if (plain === undefined || plain === '')
    throw wrong(text, `name the host: 127.0.0.1${text} for this machine only, 0.0.0.0${text} for everyone`);
  if (!/^[A-Za-z0-9_.-]+$/.test(plain)) throw wrong(text, 'the host has a character that no name has');
  if (/^[0-9.]+$/.test(plain) && isIP(plain) !== 4) throw wrong(text, 'the host is not an IPv4 address');
  return { host: plain, port };
}

/** Writes an address as in a URL. */
export function formatAddress({ host, port }: ListenAddress): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

function hintFor(text: string): string {
  if (text.includes('/')) return 'write HOST:PORT without a scheme and a path';
  if (/^[0-9]+$/.test(text)) return `name the host too: 127.0.0.1:${text}`;
  if (isIP(text) === 6) return `write an IPv6 address in brackets and add a port: [${text}]:8080`;
  if (text.split(':').length > 2) return 'write an IPv6 address in brackets: [::1]:8080';
  if (!text.includes(':')) return `add a port: ${text === '' ? '127.0.0.1' : text}:8080`;
  return 'a port is a number from 0 to 65535';
}

function wrong(text: string, hint: string): Error {
  return new Error(`${JSON.stringify(text)} is not HOST:PORT; ${hint}`);
}
