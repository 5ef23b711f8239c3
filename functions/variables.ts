import { tunnelVariables } from '../adapters/environment/tailnet.ts';
import { rotationVariables } from './rotation/environment.ts';

/**
 * Every environment variable that Postern's functions and extension read.
 *
 * The names are part of the public interface. The readers give parsed, frozen values; a wrong value throws an Error that
 * names the variable, the value got and what to do. A variable that is unset or empty takes its default.
 */
export const variables = {
  AUTHD_SOURCE_CIDR:
    'The source ranges that the authorizer admits, separated by commas. Empty refuses everyone.',
  POSTERN_CONFIG: 'The path of postern.yaml (or of the same as JSON) beside the function.',
  POSTERN_EDGE_SECRET_ID:
    'The name or ARN of the secret that CloudFront adds to each request; then no request without it is answered.',
  ...tunnelVariables,
  ...rotationVariables,
} as const;

export type VariableName = keyof typeof variables;
