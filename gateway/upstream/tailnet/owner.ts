import type { Socket } from 'node:net';
import type { Destination } from '../../../base/net/destination.ts';
import type { Readiness } from '../readiness.ts';
import type { Diagnosis } from './tunnel.ts';

/** The owner of the tunnel, in this process or beside it: knows its state, and makes connections through it. */
export interface TunnelOwner {
  /** The epoch of the last readiness. */
  readonly epoch: number;
  /** Whether connections can be made, as last known; asks if that is unknown. Never rejects, and never takes longer. */
  ready(withinMs: number): Readiness | Promise<Readiness>;
  /** Like `ready`, but always asks: after a failed dial. */
  ask(withinMs: number): Promise<Readiness>;
  /** Makes one attempt. @throws DialError */
  dial(destination: Destination, withinMs: number): Promise<Socket>;
  /** Finds out why a connection to that destination fails. @throws Error if that takes longer */
  diagnose(destination: Destination, withinMs: number): Promise<Diagnosis>;
}
