/** Where to connect: a name or an address (IPv6 without brackets) and a port. */
export interface Destination {
  readonly host: string;
  readonly port: number;
}

/** The host of a URL, without the brackets around an IPv6 address. */
export function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}
