import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { ensureParts } from './cache.ts';
import { hubCommand, whyNoLab } from './capability.ts';
import { removeDeadCpuGroups } from './cpu.ts';
import { run } from './process.ts';
import { makeTailscaled, prepareNode } from './products.ts';

/** The hub's address on its own network, where Headscale, Secrets Manager and the HTTP API listen. */
export const hubAddress = '10.77.0.1';

/** Where everything of a run lies: in memory, gone with the hub. */
export const runFolder = '/run/lab';

/** Addresses of the hub from which a test can call as if from the internet (RFC 5737, RFC 3849). */
export const clientAddresses = ['192.0.2.10', '198.51.100.20', '2001:db8::10'] as const;

const insideMark = 'POSTERN_LAB_HUB';

/**
 * Runs the calling program inside the hub, a network with no way out, and gives the reason when that cannot be done.
 *
 * The first line of every end-to-end test file. Outside, it starts the same file again inside and exits with its
 * code: nothing after it runs twice. Inside, it builds the network and returns. Namespaces without names need no
 * cleaning up: when the first process inside ends, however it ends, the kernel takes all others and the network away.
 *
 * @returns why the laboratory cannot run here, in one line, or undefined inside the hub
 * @throws Error when POSTERN_E2E is `required` and the laboratory cannot run
 */
export async function enterHub(): Promise<string | undefined> {
  if (process.env[insideMark] === '1') {
    if (process.pid !== 1) throw new Error(`${insideMark} is set outside the hub; unset it`);
    await buildHub();
    return undefined;
  }
  const reason = whyNoLab() ?? (await whyNoParts());
  if (reason !== undefined) {
    if (process.env.POSTERN_E2E === 'required') throw new Error(`the end-to-end laboratory ${reason}`);
    return reason;
  }
  removeDeadCpuGroups();
  process.exit(await runInside());
}

async function whyNoParts(): Promise<string | undefined> {
  try {
    await ensureParts();
    makeTailscaled();
    prepareNode();
    return undefined;
  } catch (error) {
    return `could not be built: ${(error as Error).message}`;
  }
}

function runInside(): Promise<number> {
  const [command, ...args] = hubCommand as [string, ...string[]];
  const program = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const env = {
    ...process.env,
    [insideMark]: '1',
    POSTERN_LAB_OWNER: String(process.pid),
    // There is no network inside, so what was not prepared is an error at once.
    POSTERN_OFFLINE: '1',
  };
  const child = spawn(command, [...args, ...program], { stdio: 'inherit', env });
  // The first process of a pid namespace ignores what it does not handle; killing unshare takes it along.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => child.kill('SIGKILL'));
  return new Promise((resolve) => {
    child.once('error', (error) => {
      console.error(`the hub did not start: ${error.message}`);
      resolve(1);
    });
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

// tailscaled pauses when it sees no interface but lo, so the hub has a cable with both ends in itself.
async function buildHub(): Promise<void> {
  await run(['mount', '-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', '/run']);
  mkdirSync(runFolder);
  const commands = [
    'link set lo up',
    ...clientAddresses.map(
      (address) => `addr add ${address}${address.includes(':') ? '/128' : '/32'} dev lo`,
    ),
    'link add hub0 type veth peer name hub1',
    `addr add ${hubAddress}/24 dev hub0`,
    'link set hub0 up',
    'link set hub1 up',
  ];
  await ip(commands);
}

/** Runs `ip` once for all commands, one a line. */
async function ip(commands: readonly string[], namespace?: string): Promise<void> {
  const where = namespace === undefined ? [] : ['-n', namespace];
  await run(['ip', ...where, '-batch', '-'], { input: `${commands.join('\n')}\n` });
}

/** A sandbox's cable to the hub. The sandbox has nothing but a link-local address, as in Lambda. */
export interface Cable {
  readonly namespace: string;
  /** The sandbox's address. */
  readonly address: string;
  /** Drops everything on its way to the sandbox, as when its machine is frozen. */
  block(): Promise<void>;
  unblock(): Promise<void>;
  remove(): Promise<void>;
}

/** Makes a network namespace for the sandbox with this number (1 to 250) and joins it to the hub by a cable. */
export async function layCable(number: number): Promise<Cable> {
  const namespace = `sandbox${number}`;
  const [near, far] = [`169.254.${number}.1`, `169.254.${number}.2`];
  await run(['ip', 'netns', 'add', namespace]);
  await ip([
    `link add cable${number} type veth peer name eth0 netns ${namespace}`,
    `addr add ${near}/30 dev cable${number}`,
    `link set cable${number} up`,
  ]);
  await ip(
    [
      'link set lo up',
      `addr add ${far}/30 dev eth0`,
      'link set eth0 up',
      `route add ${hubAddress}/32 via ${near}`,
    ],
    namespace,
  );
  return {
    namespace,
    address: far,
    block: () => ip([`route add blackhole ${far}/32`]),
    unblock: () => ip([`route del blackhole ${far}/32`]),
    remove: () => run(['ip', 'netns', 'del', namespace]).then(() => {}),
  };
}
