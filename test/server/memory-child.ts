import { Readable } from 'node:stream';
import type { Hooks } from '../../gateway/plugin/plugin.ts';
import { startServer } from '../../server/listener.ts';
import { gatewayWith, instance, upstreamOf } from '../support/gateway.ts';

// A gateway in a process of its own, so that its memory can be measured and its heap be small. Says its port, and then its peak.

const [how = ''] = process.argv.slice(2);
const goOn = { kind: 'next' } as const;
const bodies: Record<string, Hooks> = {
  gathered: { body: { kind: 'all', limitBytes: 64 << 20 }, access: () => goOn },
};
const unread = new Set<unknown>();
const upstream = upstreamOf((receiver, body) => {
  if (how === 'forwarded to a slow target') {
    unread.add(body);
    return;
  }
  let bytes = 0;
  const answer = () => {
    const text = String(bytes);
    receiver.head(200, ['content-length', String(text.length)]);
    receiver.data(Buffer.from(text));
    receiver.end();
  };
  if (!(body instanceof Readable)) {
    bytes = (body as Uint8Array | null)?.byteLength ?? 0;
    return answer();
  }
  body.on('data', (chunk: Buffer) => {
    bytes += chunk.byteLength;
  });
  body.on('end', answer);
}, 60_000);

const hooks = bodies[how];
const gateway = gatewayWith({ upstream, ...(hooks && { instances: [instance('given', 1, hooks)] }) });
const server = await startServer(gateway, { host: '127.0.0.1', port: 0 });
const total = () => {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};
const before = total();
let peak = 0;
setInterval(() => {
  peak = Math.max(peak, total() - before);
}, 5);
process.on('message', () => process.send?.({ peak }));
process.send?.({ port: server.address.port });
