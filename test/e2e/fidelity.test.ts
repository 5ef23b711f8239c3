import { test } from 'node:test';
import { fidelityConfiguration, runFidelity } from '../fidelity/run.ts';
import { startLab } from './lab/lab.ts';
import { enterHub } from './lab/network.ts';

const skip = await enterHub();

// The table that every host runs, now through the real emulator, tailscaled and WireGuard.
if (skip !== undefined) test('the lambda host through a real tailnet hands on byte for byte', { skip });
else {
  const targetPort = 8082;
  runFidelity({
    name: 'lambda',
    target: { host: '127.0.0.1', port: targetPort },
    async open() {
      const lab = await startLab();
      await lab.storeKey();
      const config = fidelityConfiguration(`http://${lab.target.name}:${targetPort}`, 'tailnet');
      const forwarder = await lab.forwarder({ config });
      const api = await lab.api(forwarder.invoke);
      return { host: '127.0.0.1', port: api.port, close: () => lab.stop() };
    },
  });
}
