import assert from 'node:assert/strict';
import { type Body, BytesBody } from '../../../gateway/body.ts';
import { systemClock } from '../../../gateway/clock.ts';
import { compileChain, type Instance } from '../../../gateway/config/chains.ts';
import type { Exchange } from '../../../gateway/exchange.ts';
import { runPipeline } from '../../../gateway/pipeline.ts';
import type { Host, LogFields, Plugin } from '../../../gateway/plugin.ts';
import { plugins } from '../../../gateway/plugins/index.ts';
import { parse } from '../../../gateway/schema.ts';
import type { Reply } from '../../../gateway/verdict.ts';
import { nowMs } from '../expression/exchange.ts';

export interface TestHost extends Host {
  /** Each line that was logged, as text. */
  readonly lines: string[];
  nowMs: number;
}

/** A host with a clock that stands still, a log that is kept, and secrets from a map or all the same. */
export function testHost(
  secrets: string | Readonly<Record<string, string>> = 'a secret of 26 bytes or so',
): TestHost {
  const lines: string[] = [];
  const write = (level: string) => (event: string, fields?: LogFields) =>
    void lines.push(JSON.stringify({ level, event, ...fields }));
  const host: TestHost = {
    lines,
    warn: (path, message) => write('warn')('configuration', { path, message }),
    nowMs,
    clock: { ...systemClock, now: () => host.nowMs },
    log: { info: write('info'), warn: write('warn'), error: write('error') },
    secrets: {
      async get(reference) {
        const text = typeof secrets === 'string' ? secrets : secrets[reference];
        if (text === undefined) throw new Error(`${reference}: the environment variable is not set`);
        return Buffer.from(text);
      },
    },
  };
  return host;
}

export function pluginNamed(name: string): Plugin {
  return plugins.find((one) => one.name === name) ?? assert.fail(`no plugin ${name}`);
}

/** Configures a plugin as the gateway does: options parsed, then frozen, then created. */
export async function configure(name: string, options: unknown, host: Host = testHost()): Promise<Instance> {
  const plugin = pluginNamed(name);
  const parsed = parse(plugin.options, options);
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join('; '));
  return { plugin, hooks: await plugin.create(deepFreeze(parsed.value), host) };
}

/** Runs one exchange through configured plugins; undefined when it would go on to the target. */
export function judge(
  instances: readonly Instance[],
  exchange: Exchange,
  body: Uint8Array | Body = new Uint8Array(0),
  host: Host = testHost(),
): Promise<Reply | undefined> {
  const byName = new Map(instances.map((one) => [one.plugin.name, one]));
  exchange.chain = compileChain(byName, new Set());
  const route = { ...exchange.route, chain: exchange.chain, consumers: [] };
  Object.defineProperty(exchange, 'route', { value: route });
  const read = body instanceof Uint8Array ? new BytesBody(body) : body;
  return new Promise((resolve) => runPipeline(exchange, read, host, resolve));
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null)
    for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
