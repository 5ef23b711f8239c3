import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { dirname, join } from 'node:path';
import { type CpuGroup, makeCpuGroup } from './cpu.ts';
import { call } from './http.ts';
import type { Log } from './log.ts';
import { type Cable, layCable, runFolder } from './network.ts';
import { descendants, type ProcessMemory, readMemory, userIds } from './proc.ts';
import { type Exit, run, start, until } from './process.ts';

/** What the emulator gave back for one event. */
export interface Invocation {
  readonly payload: string;
  /** Whether the function failed: an exception, a time-out, a crash, or an init that failed. */
  readonly functionError: boolean;
}

/** What runs a function. */
export interface Runtime {
  /** The program that speaks the Runtime API. */
  readonly bootstrap: string;
  /** Such as `index.handler`. */
  readonly handler: string;
  /** Whether it brings Node along, as Lambda's Node runtimes do. */
  readonly node: boolean;
}

const here = import.meta.dirname;

export const runtimes = {
  node: { bootstrap: join(here, 'bootstrap.mjs'), handler: 'index.handler', node: true },
  python: { bootstrap: join(here, 'bootstrap.py'), handler: 'handler.handler', node: false },
} as const satisfies Record<string, Runtime>;

export interface SandboxOptions {
  /** The folder that would be uploaded as the function. */
  readonly bundle: string;
  /** Default: Node, which takes `handler` of the bundle's `index.mjs`. */
  readonly runtime?: Runtime;
  /** The folders that would be uploaded as layers, in the function's order: a later one goes over an earlier one. */
  readonly layers?: readonly string[];
  readonly lambdaEmulator: string;
  /** The function's own environment. A function's usual variables are there already. */
  readonly env?: Readonly<Record<string, string>>;
  /** Files by absolute path that are in the sandbox beside what a function's has. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
  readonly timeoutSeconds?: number;
  readonly functionName?: string;
  /** Prepares a limit of its CPU share, which `cpu.limit` sets. */
  readonly cpuGroup?: boolean;
}

/** One sandbox of a function, as Lambda makes one: started on the first event, ended by SHUTDOWN, frozen in between. */
export interface Sandbox {
  readonly log: Log;
  readonly address: string;
  readonly functionName: string;
  /** Events go in one after the other. */
  invoke(payload: string | Uint8Array): Promise<Invocation>;
  /** Stops every process in it, and the network to it, and lets them go on after the time. */
  freeze(ms: number): Promise<void>;
  /** Ends it as Lambda does, so that extensions get SHUTDOWN, and waits. */
  shutdown(): Promise<Exit>;
  /** Ends it at once, without a word to anyone. */
  kill(): Promise<void>;
  /** When `cpuGroup` was asked for. */
  readonly cpu: CpuGroup | undefined;
  /** The function's runtime, the extensions and their children: everything but the emulator. */
  processes(): readonly ProcessMemory[];
  /** Runs a command on the sandbox's network, as root and with the hub's files. */
  runInside(argv: readonly string[]): Promise<string>;
}

const emulatorPort = 8080;
let sandboxes = 0;

/** Starts the emulator for a function in namespaces of its own. Nothing of the function runs before the first event. */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  sandboxes += 1;
  const number = sandboxes;
  const functionName = options.functionName ?? `function-${number}`;
  const folder = join(runFolder, `sandbox${number}`);
  const files = join(folder, 'files');
  mkdirSync(join(folder, 'root'), { recursive: true });
  mkdirSync(files);
  mkdirSync(join(folder, 'empty'));
  for (const [path, content] of Object.entries(options.files ?? {})) {
    mkdirSync(dirname(join(files, path)), { recursive: true });
    writeFileSync(join(files, path), content);
  }
  const cable = await layCable(number);
  const cpu = options.cpuGroup === true ? makeCpuGroup(functionName) : undefined;
  const running = start(functionName, command(options, functionName, cable), {
    env: { ...scriptEnv(options, folder), LAB_CPU_GROUP: cpu?.joinFile ?? '' },
  });
  const url = `http://${cable.address}:${emulatorPort}/2015-03-31/functions/function/invocations`;
  const reachable = async () =>
    (await call(`http://${cable.address}:${emulatorPort}/`)).status > 0 ? true : undefined;
  await until('the emulator answers', reachable, { running, everyMs: 5 });

  const agent = new http.Agent({ keepAlive: true });
  let last: Promise<unknown> = Promise.resolve();
  const limitMs = (options.timeoutSeconds ?? 29) * 1_000 + 15_000;

  async function invokeNow(payload: string | Uint8Array): Promise<Invocation> {
    const answer = await call(url, { method: 'POST', body: payload, limitMs, agent });
    const text = answer.body.toString();
    return { payload: text, functionError: answer.status !== 200 || isFunctionError(text) };
  }

  function inside(): readonly number[] {
    // unshare, which is the script's first process, then the emulator, then what it started.
    const emulator = descendants(running.pid)[0];
    return emulator === undefined ? [] : descendants(emulator);
  }

  let cleared = false;
  async function clear(): Promise<void> {
    if (cleared) return;
    cleared = true;
    agent.destroy();
    cpu?.remove();
    await cable.remove();
  }

  return {
    log: running.log,
    address: cable.address,
    functionName,
    invoke(payload) {
      // The emulator crashes when two events come at once.
      const one = last.then(() => invokeNow(payload));
      last = one.catch(() => {});
      return one;
    },
    async freeze(ms) {
      const pids = inside();
      for (const pid of pids) process.kill(pid, 'SIGSTOP');
      await cable.block();
      await new Promise((resolve) => setTimeout(resolve, ms));
      await cable.unblock();
      for (const pid of pids) process.kill(pid, 'SIGCONT');
    },
    async shutdown() {
      const emulator = descendants(running.pid)[0];
      if (emulator !== undefined) process.kill(emulator, 'SIGTERM');
      const exit = await Promise.race([running.exited, later(60_000)]);
      if (exit === undefined) {
        if (emulator !== undefined) process.kill(emulator, 'SIGKILL');
        throw new Error(`${functionName} did not end within 60 s; its last lines:\n${running.log.tail()}`);
      }
      await clear();
      return exit;
    },
    async kill() {
      // The emulator is the first process of its namespace: with it, all others end.
      const emulator = descendants(running.pid)[0];
      if (emulator !== undefined) process.kill(emulator, 'SIGKILL');
      await running.stop('SIGKILL');
      await clear();
    },
    cpu,
    processes: () => inside().map(readMemory),
    runInside: (argv) => run(['nsenter', `--net=/run/netns/${cable.namespace}`, ...argv]),
  };
}

function later(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(resolve, ms, undefined).unref());
}

/** The emulator answers 200 with an error document when a function fails, and with plain text when time is up. */
function isFunctionError(text: string): boolean {
  if (/^Task timed out after /.test(text)) return true;
  try {
    const value = JSON.parse(text) as Record<string, unknown> | null;
    return typeof value?.errorType === 'string' && !('statusCode' in value);
  } catch {
    return true;
  }
}

function command(options: SandboxOptions, functionName: string, cable: Cable): readonly string[] {
  const namespaces = ['--mount', '--pid', '--fork', '--kill-child=SIGKILL', '--propagation', 'private'];
  const emulator = [
    ...['/var/runtime/rie', '--log-level', 'info', '--runtime-api-address', '127.0.0.1:9001'],
    ...['--runtime-interface-emulator-address', `0.0.0.0:${emulatorPort}`],
    ...['/var/runtime/bootstrap', runtimeOf(options).handler],
  ];
  return [
    ...['nsenter', `--net=/run/netns/${cable.namespace}`, 'unshare', ...namespaces],
    ...['sh', join(here, 'sandbox.sh')],
    ...Object.entries(functionEnv(options, functionName)).map(([name, value]) => `${name}=${value}`),
    ...emulator,
  ];
}

/** https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime */
function functionEnv(options: SandboxOptions, functionName: string): Record<string, string> {
  return {
    PATH: '/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin',
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
    LAMBDA_TASK_ROOT: '/var/task',
    LAMBDA_RUNTIME_DIR: '/var/runtime',
    _HANDLER: runtimeOf(options).handler,
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'AKIALAB',
    AWS_SECRET_ACCESS_KEY: 'lab',
    AWS_SESSION_TOKEN: 'lab',
    AWS_LAMBDA_FUNCTION_NAME: functionName,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
    AWS_LAMBDA_FUNCTION_TIMEOUT: String(options.timeoutSeconds ?? 29),
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${functionName}`,
    AWS_LAMBDA_LOG_STREAM_NAME: 'lab',
    ...options.env,
  };
}

function runtimeOf(options: SandboxOptions): Runtime {
  return options.runtime ?? runtimes.node;
}

function scriptEnv(options: SandboxOptions, folder: string): Record<string, string> {
  return {
    LAB_ROOT: join(folder, 'root'),
    LAB_FILES: join(folder, 'files'),
    LAB_LAYERS: (options.layers ?? []).toReversed().join(':'),
    LAB_EMPTY: join(folder, 'empty'),
    LAB_TASK: options.bundle,
    LAB_NODE: runtimeOf(options).node ? realpathSync(process.execPath) : '',
    LAB_EMULATOR: options.lambdaEmulator,
    LAB_BOOTSTRAP: runtimeOf(options).bootstrap,
    // Where only one user is mapped, as in a namespace that an ordinary user made, everything is that user's.
    LAB_USER: userIds() > 993 ? '993:990' : '',
  };
}
