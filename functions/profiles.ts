import type { HostProfile } from '../gateway/index.ts';

export const forwarderProfile = {
  name: 'the forwarder',
  ports: ['clock', 'log', 'metrics', 'secrets'],
} as const satisfies HostProfile;

/** It has no metrics: they are part of the line of a finished request, and it finishes none. */
export const authorizerProfile = {
  name: 'the authorizer',
  ports: ['clock', 'log', 'secrets'],
  headOnly: true,
} as const satisfies HostProfile;
