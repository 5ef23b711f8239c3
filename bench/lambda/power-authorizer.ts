import type { CpuGroup } from '../../test/e2e/lab/cpu.ts';
import { call } from '../../test/e2e/lab/http.ts';
import type { Lab } from '../../test/e2e/lab/lab.ts';
import { type LogVolume, readLogVolume } from './log-volume.ts';
import {
  type ColdStart,
  checkThrottled,
  coldStartUnder,
  linesOf,
  mean,
  median,
  type Patience,
  reportsOf,
} from './sized.ts';

const sandboxes = 3;
const requests = 80;

export interface AuthorizerPower {
  readonly memoryMb: number;
  readonly initMs: number;
  readonly firstMs: number;
  readonly billedMs: number;
  readonly log: LogVolume;
}

/** The authorizer with only address ranges, called for each request, with the share of a memory size. */
export async function measureAuthorizer(
  lab: Lab,
  memoryMb: number,
  rest: Patience,
): Promise<AuthorizerPower> {
  const runs: { readonly cold: ColdStart; readonly billedMs: number; readonly log: LogVolume }[] = [];
  for (let run = 0; run < sandboxes; run += 1) runs.push(await runOne(lab, memoryMb, rest));
  return {
    memoryMb,
    initMs: median(runs.map(({ cold }) => cold.initMs)),
    firstMs: median(runs.map(({ cold }) => cold.firstMs)),
    billedMs: median(runs.map(({ billedMs }) => billedMs)),
    log: runs[0]?.log as LogVolume,
  };
}

async function runOne(lab: Lab, memoryMb: number, rest: Patience) {
  const sandbox = await lab.authorizer({
    cpuGroup: true,
    env: { AUTHD_SOURCE_CIDR: '127.0.0.0/8,192.0.2.0/24,2001:db8::/32' },
  });
  const authorizer = {
    ...{ invoke: sandbox.invoke, identitySource: ['$context.identity.sourceIp'] },
    ttlSeconds: 0,
  };
  const invoke = async () => ({ payload: '{"statusCode":204}', functionError: false });
  const api = await lab.api([{ key: '$default', invoke, authorizer }]);

  async function ask(): Promise<void> {
    const { status } = await call(`${api.url}/hooks/github`, { method: 'POST', body: '{}' });
    if (status !== 204) throw new Error(`the API answered ${status}; the authorizer did not admit`);
  }

  await rest.wait();
  const cold = await coldStartUnder({ sandbox, memoryMb, limited: 'after init' }, ask);
  for (let sent = 0; sent < requests; sent += 1) await ask();
  const [, ...warm] = await reportsOf(sandbox, requests + 1);
  checkThrottled(sandbox.cpu as CpuGroup, memoryMb);
  (sandbox.cpu as CpuGroup).limit(undefined);
  await api.close();
  await sandbox.shutdown();
  return {
    cold,
    billedMs: mean(warm.map(({ durationMs }) => Math.ceil(durationMs))),
    log: readLogVolume(linesOf(sandbox)),
  };
}
