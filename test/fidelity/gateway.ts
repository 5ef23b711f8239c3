import { systemClock } from '../../gateway/clock.ts';
import { readEnvironment } from '../../gateway/environment.ts';
import { type Gateway, loadGateway } from '../../gateway/index.ts';
import { uncheckedSecrets } from '../../gateway/secrets/index.ts';
import { fidelityConfiguration } from './run.ts';

export const silent = { info() {}, warn() {}, error() {} };

/** The gateway under test, over the direct transport. */
export function loadFidelityGateway(targetPort: number): Promise<Gateway> {
  return loadGateway(
    { file: 'fidelity.json', text: JSON.stringify(fidelityConfiguration(`http://127.0.0.1:${targetPort}`)) },
    { clock: systemClock, log: silent, secrets: uncheckedSecrets({}), tailnet: readEnvironment({}).tailnet },
  );
}
