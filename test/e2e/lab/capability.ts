import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

const commands = ['flock', 'go', 'ip', 'mount', 'nsenter', 'openssl', 'python3', 'setpriv', 'unshare'];

/** Makes the hub: a network, a mount table and processes of its own, all of which end with its first process. */
export const hubCommand: readonly string[] = [
  // Without it, a test runner that is killed would leave the hub running.
  ...['setpriv', '--pdeathsig', 'KILL'],
  ...['unshare', ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'])],
  ...[
    '--net',
    '--mount',
    '--pid',
    '--fork',
    '--kill-child=SIGKILL',
    '--mount-proc',
    '--propagation',
    'private',
  ],
];

/** Why this machine cannot run the laboratory, in one line; undefined when it can. */
export function whyNoLab(): string | undefined {
  if (process.platform !== 'linux') return `needs Linux namespaces; this is ${process.platform}`;
  if (process.arch !== 'x64' && process.arch !== 'arm64')
    return `needs x64 or arm64; this is ${process.arch}`;
  const missing = commands.filter((command) => !isCommand(command));
  if (missing.length > 0) return `needs ${missing.join(', ')} in PATH`;
  const [command, ...args] = hubCommand as [string, ...string[]];
  const attempt = spawnSync(command, [...args, 'ip', 'link', 'set', 'lo', 'up'], { encoding: 'utf8' });
  if (attempt.status !== 0) return `may not make network namespaces: ${attempt.stderr.trim()}`;
  return undefined;
}

function isCommand(name: string): boolean {
  return (process.env.PATH ?? '').split(':').some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
