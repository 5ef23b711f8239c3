import assert from 'node:assert/strict';
import { type Clock, systemClock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { s } from '../../base/schema/schema.ts';
import { createProxy, type ProxyOptions } from '../../gateway/action/proxy.ts';
import type { Sink } from '../../gateway/answer/sink.ts';
import { Gateway } from '../../gateway/gateway.ts';
import type { FinishedRequest } from '../../gateway/observe/finished-request.ts';
import {
  compileChains,
  compileEntry,
  createInstance,
  createOverrides,
  type Instance,
  isKnownByHead,
} from '../../gateway/pipeline/chains.ts';
import { Consumers, type MatchedConsumer } from '../../gateway/pipeline/consumers.ts';
import type { Guard, Hooks, Plugin } from '../../gateway/plugin/plugin.ts';
import { type Body, BytesBody } from '../../gateway/request/body.ts';
import { isTakenAway } from '../../gateway/request/header-names.ts';
import type { IncomingRequest } from '../../gateway/request/request.ts';
import type { Route } from '../../gateway/routing/route.ts';
import { createRouter } from '../../gateway/routing/router.ts';
import type { Receiver, Upstream } from '../../gateway/upstream/upstream.ts';

/** An answer as a test sees it. */
export interface Collected {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: string;
  readonly informational: readonly number[];
  readonly aborted: string | undefined;
}

export const noLog: Log = { info() {}, warn() {}, error() {} };

const guards = { authenticates: { authenticates: 'subject' }, restricts: { restricts: true } } as const;

/** A configured plugin made of hooks alone. */
export function instance(
  name: string,
  priority: number,
  hooks: Hooks,
  guard?: 'authenticates' | 'restricts' | Guard,
): Instance {
  const plugin: Plugin = {
    name,
    priority,
    scopes: ['global', 'consumer'],
    options: s.any(),
    create: () => hooks,
    ...(guard !== undefined && { guard: typeof guard === 'string' ? guards[guard] : guard }),
  };
  return createInstance(plugin, hooks);
}

export const byName = (...instances: readonly Instance[]) =>
  new Map(instances.map((one) => [one.plugin.name, one] as const));

/** An upstream that answers by a function; for what needs no socket. */
export function upstreamOf(answer: (receiver: Receiver, body: unknown) => void, timeoutMs = 1_000): Upstream {
  return {
    timeoutMs,
    forward(call, receiver) {
      setImmediate(() => answer(receiver, call.body));
      return { resume() {}, abort() {} };
    },
    ready: () => ({ ready: true, epoch: 0 }),
    close: async () => {},
  };
}

export const ok = (receiver: Receiver): void => {
  receiver.head(200, ['content-length', '2']);
  receiver.data(Buffer.from('ok'));
  receiver.end();
};

/** A gateway with one route that takes everything. */
export function gatewayWith(options: {
  readonly instances?: readonly Instance[];
  readonly consumers?: readonly {
    readonly id: string;
    readonly matches: MatchedConsumer['matches'];
    readonly instances: readonly Instance[];
  }[];
  readonly upstream?: Upstream;
  readonly route?: Partial<Route>;
  readonly proxy?: Partial<ProxyOptions>;
  readonly entry?: readonly Instance[];
  readonly finished?: (record: FinishedRequest) => void;
  readonly clock?: Clock;
}): Gateway {
  const base = byName(...(options.instances ?? []));
  const consumers = options.consumers ?? [];
  const perConsumer = new Set(
    consumers.flatMap((consumer) => consumer.instances.map((one) => one.plugin.name)),
  );
  // The deadline is a real timer, which no test with another clock may meet.
  const upstream = options.upstream ?? upstreamOf(ok, 60_000);
  const { chain, chainFor } = compileChains(base, perConsumer);
  const route: Route = {
    name: 'all',
    chain,
    ...(isKnownByHead(chain) && { limitsByConsumer: true as const }),
    chainFor,
    consumers: new Consumers(
      [],
      consumers.map(({ id, matches, instances }) => ({
        id,
        matches,
        overrides: createOverrides(byName(...instances)),
      })),
    ),
    service: 'target',
    action: createProxy({
      service: 'target',
      upstream,
      respond: 'full',
      clientHost: false,
      isTakenAway,
      targetPath: (head) => (head.query === undefined ? head.path : `${head.path}?${head.query}`),
      ...options.proxy,
    }),
    pathAllows: [],
    basePath: '',
    headersAllow: new Map(),
    ...options.route,
  };
  return new Gateway(
    {
      router: createRouter([{ match: { hosts: [], path: '/*', methods: [] }, value: route }]),
      entry: compileEntry(byName(...(options.entry ?? []))),
      services: new Map([['target', upstream]]),
      close: () => upstream.close(),
      clock: options.clock ?? systemClock,
      log: noLog,
    },
    options.finished ?? (() => {}),
  );
}

export function request(
  overrides: Partial<IncomingRequest> & { readonly bytes?: string } = {},
): IncomingRequest {
  return {
    method: 'POST',
    target: '/hooks',
    headers: ['host', 'hooks.example.com'],
    clientIp: '192.0.2.7',
    scheme: 'https',
    body: new BytesBody(Buffer.from(overrides.bytes ?? '')),
    ...overrides,
  };
}

/** A body that fails the test when it is read. */
export const unreadable: Body = {
  declaredBytes: undefined,
  awaited: false,
  limit() {},
  all: () => assert.fail('the body was read'),
  forward: () => assert.fail('the body was read'),
};

/** Sends one request through a gateway and collects the answer. */
export function send(
  gateway: Gateway,
  incoming: IncomingRequest,
  interim?: Sink['informational'],
): Promise<Collected> {
  return new Promise((resolve) => {
    const informational: number[] = [];
    const chunks: Uint8Array[] = [];
    let status = 0;
    let headers: readonly string[] = [];
    const done = (aborted: string | undefined) =>
      resolve({ status, headers, body: Buffer.concat(chunks).toString(), informational, aborted });
    const sink: Sink = {
      informational(code, list) {
        informational.push(code);
        interim?.(code, list);
      },
      head(code, list) {
        status = code;
        headers = list;
      },
      data(chunk) {
        chunks.push(chunk);
        return true;
      },
      end: () => done(undefined),
      abort: (error) => done(error.message),
    };
    gateway.handle(incoming, sink);
  });
}
