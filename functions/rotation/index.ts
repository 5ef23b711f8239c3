import { systemClock } from '../../base/clock.ts';
import { createLog } from '../../base/log.ts';
import { redact } from '../../base/redact.ts';
import { readRotationEnvironment } from './environment.ts';
import { openIssuer } from './open-issuer.ts';
import { createRotation, type RotationHandler, refuseAll } from './rotation.ts';
import { connectSecretStore } from './store.ts';

// The function that Secrets Manager calls to rotate the tailnet's auth key.

const { env } = process;
const source = {
  functionName: env.AWS_LAMBDA_FUNCTION_NAME ?? 'rotation',
  log: createLog((line) => process.stdout.write(redact(line))),
  clock: systemClock,
};

export const handler = prepare();

function prepare(): RotationHandler {
  try {
    const settings = readRotationEnvironment(env);
    const { secretId, tags, keyLifetimeMs: lifetimeMs, issuer, apiUrl: api } = settings;
    const store = connectSecretStore();
    const open = openIssuer({ ...source, ...settings, store });
    return createRotation({
      ...source,
      store,
      open,
      secretId,
      wanted: { tags, lifetimeMs },
      origin: { issuer, api },
    });
  } catch (error) {
    return refuseAll((error as Error).message, source);
  }
}
