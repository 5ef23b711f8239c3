import { basename } from 'node:path';
import { TunnelError, toTunnelError } from '../tunnel/causes.ts';
import { Lambda } from './lambda.ts';
import { log } from './log.ts';
import { openTunnel } from './open.ts';

/** Reserved of the time that Lambda gives at the end. */
const marginMs = 150;

/** Runs beside the function for the whole life of the sandbox: registers, joins and is ready, waits, leaves. */
async function main(env: NodeJS.ProcessEnv, executable: string): Promise<void> {
  // tailscaled is what takes longest, so it is started while the registration is on its way. The runtime's own init begins
  // when all have registered, and so runs at the same time as the join.
  const [tunnel, lambda] = await Promise.all([
    openTunnel(env, executable).catch(toTunnelError),
    Lambda.register(env.AWS_LAMBDA_RUNTIME_API, basename(executable)),
  ]);
  if (tunnel instanceof TunnelError) {
    log.error('init failed', { code: tunnel.code, detail: tunnel.message });
    await lambda.initError(tunnel);
    process.exit(1);
  }

  const { reason, deadlineMs } = await lambda.shutdown();
  log.info('shutdown received', { reason, leftMs: deadlineMs - Date.now() });
  await tunnel.leave(deadlineMs - Date.now() - marginMs);
  log.info('done', { leftMs: deadlineMs - Date.now() });
  process.exit(0);
}

main(process.env, process.argv[1] ?? '').catch((error: unknown) => {
  log.error('the extension failed', { error: String(error) });
  process.exit(1);
});
