import { isIPv6, type Socket } from 'node:net';
import { ipv6Words } from '../base/net/ipv6.ts';

/** What the requests of one address (of one /64 for IPv6, which is what one customer gets) hold in memory. */
export class Account {
  heldBytes = 0;
  connections = 0;
  readonly key: string;
  readonly #memory: RequestMemory;

  constructor(key: string, memory: RequestMemory) {
    this.key = key;
    this.#memory = memory;
  }

  /** More than this does not fit even while nothing else is held. */
  get mostBytes(): number {
    return Math.min(this.#memory.perAddressBytes, this.#memory.totalBytes);
  }

  /** Returns false, and charges nothing, if the address or all addresses together would hold too much. */
  charge(bytes: number): boolean {
    const memory = this.#memory;
    if (this.heldBytes + bytes > memory.perAddressBytes || memory.heldBytes + bytes > memory.totalBytes)
      return false;
    this.heldBytes += bytes;
    memory.heldBytes += bytes;
    return true;
  }

  /** Why these bytes could not be charged. */
  full(bytes: number): string {
    const { heldBytes, totalBytes, perAddressBytes } = this.#memory;
    return this.heldBytes + bytes > perAddressBytes
      ? `the requests of ${this.key} hold ${this.heldBytes} bytes, the limit for an address is ${perAddressBytes}`
      : `all requests hold ${heldBytes} bytes, the limit is ${totalBytes}`;
  }

  release(bytes: number): void {
    this.heldBytes -= bytes;
    this.#memory.heldBytes -= bytes;
  }
}

/** What all requests under way on a listener hold in memory: their heads, and their bodies as far as these have arrived. */
export class RequestMemory {
  heldBytes = 0;
  readonly totalBytes: number;
  readonly perAddressBytes: number;
  readonly #accounts = new Map<string, Account>();

  constructor(totalBytes: number, perAddressBytes: number) {
    this.totalBytes = totalBytes;
    this.perAddressBytes = perAddressBytes;
  }

  /** The account of a new connection; `leave` gives it back when the connection is gone. */
  enter(address: string): Account {
    const key = blockOf(address);
    let account = this.#accounts.get(key);
    if (account === undefined) {
      account = new Account(key, this);
      this.#accounts.set(key, account);
    }
    account.connections += 1;
    return account;
  }

  leave(account: Account): void {
    account.connections -= 1;
    if (account.connections === 0) this.#accounts.delete(account.key);
  }
}

/** An IPv4 address, or the first four groups of an IPv6 address. */
export function blockOf(address: string): string {
  if (!isIPv6(address)) return address;
  const words = ipv6Words(address.split('%', 1)[0] as string);
  return words
    .slice(0, 4)
    .map((word) => word.toString(16))
    .join(':');
}

/** A connection whose requests are charged to the account of its client. */
export interface Accounted extends Socket {
  account?: Account;
}
