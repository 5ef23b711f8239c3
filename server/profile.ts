import type { HostProfile } from '../gateway/index.ts';

export const serverProfile = {
  name: 'postern serve',
  ports: ['clock', 'log', 'metrics', 'secrets'],
} as const satisfies HostProfile;
