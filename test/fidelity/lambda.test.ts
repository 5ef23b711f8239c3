import { systemClock } from '../../base/clock.ts';
import { createForwarder } from '../../functions/forwarder/forwarder.ts';
import { startHttpApi } from '../e2e/lab/http-api.ts';
import { inProcess } from '../e2e/lab/in-process.ts';
import { loadFidelityGateway, silent } from './gateway.ts';
import { runFidelity } from './run.ts';

runFidelity({
  name: 'lambda',
  async open({ port }) {
    const gateway = await loadFidelityGateway(port);
    const handler = createForwarder({ gateway: async () => gateway, clock: systemClock, log: silent });
    const api = await startHttpApi({
      routes: [{ key: '$default', invoke: inProcess(handler) }],
      host: '127.0.0.1',
    });
    return {
      host: '127.0.0.1',
      port: api.port,
      async close() {
        await api.close();
        await gateway.close();
      },
    };
  },
});
