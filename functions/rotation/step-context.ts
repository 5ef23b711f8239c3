import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Budget, OpenIssuer, WantedKey } from './issuer.ts';
import type { SecretStore } from './store.ts';

/** The dependencies of the steps, in one call of the function. */
export interface StepContext {
  readonly store: SecretStore;
  readonly open: OpenIssuer;
  readonly budget: Budget;
  readonly log: Log;
  readonly clock: Clock;
  readonly functionName: string;
  readonly wanted: Omit<WantedKey, 'description'>;
  /** Stored with each key, and compared before one is revoked. */
  readonly origin: { readonly issuer: string; readonly api: string };
}

export interface Rotation {
  readonly secretId: string;
  /** The id of the version that is to become current. */
  readonly token: string;
}

export type Step = (stepContext: StepContext, rotation: Rotation) => Promise<void>;
