import { systemClock } from '../../base/clock.ts';
import type { Log, LogFields } from '../../base/log.ts';
import { createProxy } from '../../gateway/action/proxy.ts';
import type { Verdict } from '../../gateway/answer/verdict.ts';
import { Gateway } from '../../gateway/gateway.ts';
import type { FinishedRequest } from '../../gateway/observe/finished-request.ts';
import type { Step } from '../../gateway/pipeline/chain.ts';
import { Consumers } from '../../gateway/pipeline/consumers.ts';
import type { Exchange } from '../../gateway/request/exchange.ts';
import { isTakenAway } from '../../gateway/request/header-names.ts';
import { createRouter } from '../../gateway/routing/router.ts';
import type { Call, Receiver, Upstream } from '../../gateway/upstream/upstream.ts';

export interface Scripted {
  readonly gateway: Gateway;
  readonly calls: Call[];
  readonly finished: FinishedRequest[];
  /** How many calls were given up. */
  readonly aborted: { count: number };
}

/** A gateway of one route below /hooks/, whose target answers as the script says. */
export function scriptedGateway(
  answer: (receiver: Receiver, call: Call) => void,
  access: readonly ((exchange: Exchange, body: Uint8Array) => Verdict)[] = [],
  body: Step['body'] = { kind: 'none' },
): Scripted {
  const calls: Call[] = [];
  const finished: FinishedRequest[] = [];
  const aborted = { count: 0 };
  const upstream: Upstream = {
    timeoutMs: 60_000,
    forward(call, receiver) {
      calls.push(call);
      setImmediate(() => answer(receiver, call));
      return {
        resume() {},
        abort() {
          aborted.count += 1;
        },
      };
    },
    ready: () => ({ ready: true, epoch: 0 }),
    async close() {},
  };
  const chain = {
    access: access.map(
      (run): Step => ({ plugin: 'test', authenticates: undefined, body, onError: 'refuse', run }),
    ),
    answer: [],
    consumerAt: 0,
    maxBodyBytes: 10_000_000,
  };
  const route = {
    name: 'hooks',
    chain,
    chainFor: () => chain,
    consumers: new Consumers([], []),
    service: 'builds',
    action: createProxy({
      service: 'builds',
      upstream,
      respond: 'full',
      clientHost: false,
      isTakenAway,
      targetPath: ({ path }) => path,
    }),
    pathAllows: [],
    basePath: '',
    headersAllow: new Map(),
  };
  const router = createRouter([{ match: { hosts: [], path: '/hooks/*', methods: [] }, value: route }]);
  const gateway = new Gateway(
    {
      router,
      entry: [],
      services: new Map([['builds', upstream]]),
      close: () => upstream.close(),
      clock: systemClock,
      log: listLog().log,
    },
    (record) => finished.push(record),
  );
  return { gateway, calls, finished, aborted };
}

export interface Logged {
  readonly level: string;
  readonly event: string;
  readonly fields: LogFields;
}

/** A log that keeps its lines. */
export function listLog(): { readonly log: Log; readonly lines: Logged[] } {
  const lines: Logged[] = [];
  const at =
    (level: string) =>
    (event: string, fields: LogFields = {}) => {
      lines.push({ level, event, fields });
    };
  return { log: { info: at('info'), warn: at('warn'), error: at('error') }, lines };
}
