import { type Gateway, loadGateway } from '../../gateway/index.ts';
import { testPorts } from '../support/ports.ts';
import { fidelityConfiguration } from './run.ts';

export const silent = { info() {}, warn() {}, error() {} };

/** The gateway under test, over the direct transport. */
export async function loadFidelityGateway(targetPort: number): Promise<Gateway> {
  const { gateway } = await loadGateway(
    { file: 'fidelity.json', text: JSON.stringify(fidelityConfiguration(`http://127.0.0.1:${targetPort}`)) },
    testPorts(),
  );
  return gateway;
}
