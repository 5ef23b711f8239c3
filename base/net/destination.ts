/** Where to connect: a name or an address (IPv6 without brackets) and a port. */
export interface Destination {
  readonly host: string;
  readonly port: number;
}
