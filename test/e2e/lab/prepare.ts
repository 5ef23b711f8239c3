import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { buildTailscaled } from '../../../extension/layer/tailscaled.ts';
import { findAwsTools } from '../../support/aws-tools.ts';
import { oldestNode } from '../../support/oldest-node.ts';
import { parts } from './cache.ts';
import { whyNoLab } from './capability.ts';
import { prepareNode } from './products.ts';
import { makeTailscale } from './tailscale.ts';

// Fetches and builds all that the tests need of others, before they run: `npm test` begins with it, and then forbids the tests to fetch
// anything (POSTERN_OFFLINE). With names it makes those alone. What cannot be made is one line here, and the tests that need it are
// left out with the reason.

const makers: Readonly<Record<string, () => unknown>> = {
  ...parts,
  node: prepareNode,
  'oldest-node': oldestNode,
  'tailscaled-arm64': () => buildTailscaled('arm64', say),
  'tailscaled-x86_64': () => buildTailscaled('x86_64', say),
  tailscale: makeTailscale,
  'aws-tools': function makeAwsTools() {
    const found = findAwsTools();
    if (typeof found === 'string') throw new Error(found);
  },
};

const names = process.argv.slice(2);
if (names.length === 0) await prepareAll();
for (const name of names) {
  try {
    makers[name]?.();
  } catch (error) {
    say(`${name}: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}

/** Downloads overlap with what is compiled; Go uses all processors by itself. */
async function prepareAll(): Promise<void> {
  const canRunLab = whyNoLab() === undefined;
  const compiled = [
    ...(canRunLab ? ['headscale', 'tailscale'] : []),
    ...(hasGo() ? ['tailscaled-x86_64', 'tailscaled-arm64'] : []),
  ];
  const downloaded = [
    'aws-tools',
    ...(process.platform === 'linux' ? ['oldest-node'] : []),
    ...(canRunLab ? ['lambda-emulator', 'moto', 'node'] : []),
  ];
  const program = [process.execPath, import.meta.filename] as const;
  const lanes = [compiled, downloaded].filter((lane) => lane.length > 0);
  const children = lanes.map((lane) => spawn(program[0], [program[1], ...lane], { stdio: 'inherit' }));
  await Promise.all(children.map((child) => once(child, 'exit')));
}

function hasGo(): boolean {
  return spawnSync('go', ['version']).status === 0;
}

function say(line: string): void {
  console.error(`lab: ${line}`);
}
