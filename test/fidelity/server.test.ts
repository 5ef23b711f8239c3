import { startServer } from '../../server/listener.ts';
import { loadFidelityGateway } from './gateway.ts';
import { runFidelity } from './run.ts';

runFidelity({
  name: 'server',
  async open({ port }) {
    const gateway = await loadFidelityGateway(port);
    const server = await startServer(gateway, { host: '127.0.0.1', port: 0 });
    return {
      host: '127.0.0.1',
      port: server.address.port,
      async close() {
        await server.close(0);
        await gateway.close();
      },
    };
  },
});
