import assert from 'node:assert/strict';
import { systemClock } from '../../../base/clock.ts';
import type { LogFields } from '../../../base/log.ts';
import { everything } from '../../../base/named.ts';
import { parse } from '../../../base/schema/schema.ts';
import { runAnswerHooks } from '../../../gateway/action/answer-hooks.ts';
import type { Reply } from '../../../gateway/answer/verdict.ts';
import { expressionCompilers } from '../../../gateway/config/expressions.ts';
import { lend } from '../../../gateway/config/lend.ts';
import {
  compileChain,
  compileChains,
  createInstance,
  type Instance,
} from '../../../gateway/pipeline/chains.ts';
import { Consumers } from '../../../gateway/pipeline/consumers.ts';
import { PipelineRun } from '../../../gateway/pipeline/pipeline.ts';
import type { Host, Plugin } from '../../../gateway/plugin/plugin.ts';
import { loadPlugins } from '../../../gateway/plugins/index.ts';
import { noMetrics } from '../../../gateway/ports/metrics.ts';
import { type Body, BytesBody } from '../../../gateway/request/body.ts';
import type { Exchange } from '../../../gateway/request/exchange.ts';
import { nowMs } from '../expression/exchange.ts';

/** Every plugin. */
export const plugins = await loadPlugins(everything);
const compilerFor = expressionCompilers(plugins);

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
  const warn: Host['warn'] = (path, message) => write('warn')('configuration', { path, message });
  const host: TestHost = {
    lines,
    warn,
    compile: compilerFor(warn),
    nowMs,
    clock: { ...systemClock, now: () => host.nowMs },
    log: { info: write('info'), warn: write('warn'), error: write('error') },
    metrics: noMetrics,
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

function pluginNamed(name: string): Plugin {
  return plugins.find((one) => one.name === name) ?? assert.fail(`no plugin ${name}`);
}

/** Configures a plugin as the gateway does: options parsed, then frozen, then created with the ports that it uses. */
export async function configure(name: string, options: unknown, host: Host = testHost()): Promise<Instance> {
  const plugin = pluginNamed(name);
  const parsed = parse(plugin.options, options);
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join('; '));
  const { warn, compile } = host;
  const lent = { ...lend(plugin, host), warn, compile };
  return createInstance(plugin, await plugin.create(deepFreeze(parsed.value), lent));
}

/** Runs one exchange through configured plugins; undefined when it would go on to the target. */
export function judge(
  instances: readonly Instance[],
  exchange: Exchange,
  body: Uint8Array | Body = new Uint8Array(0),
  host: Host = testHost(),
): Promise<Reply | undefined> {
  const byName = new Map(instances.map((one) => [one.plugin.name, one]));
  const policy = { ...compileChains(byName, new Set()), consumers: new Consumers([], []) };
  const read = body instanceof Uint8Array ? new BytesBody(body) : body;
  return new Promise((resolve) => new PipelineRun(exchange, policy, read, host, resolve).start());
}

/** Runs the answer hooks of configured plugins over an answer; gives the headers that they leave. */
export function answer(instances: readonly Instance[], exchange: Exchange, status = 200): readonly string[] {
  const head = { status, headers: ['content-type', 'text/plain'] };
  const byName = new Map(instances.map((one) => [one.plugin.name, one]));
  exchange.status = status;
  runAnswerHooks(compileChain(byName, new Set()), exchange, head);
  return head.headers;
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null)
    for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
