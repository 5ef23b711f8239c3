import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { arches } from '../../../extension/layer/arch.ts';
import { buildTailscaled } from '../../../extension/layer/tailscaled.ts';
import { findAwsTools } from '../../support/aws-tools.ts';
import { locateParts } from './cache.ts';
import { whyNoLab } from './capability.ts';
import { prepareNode } from './products.ts';
import { makeTailscale } from './tailscale.ts';

// Fetches and builds all that the tests need of others, before they run: `npm test` begins with it, and then forbids the tests to fetch
// anything (POSTERN_OFFLINE). With a name it makes that alone. What could not be made is one line here, and the tests that
// need it are left out with the reason.

const python = ['aws-tools'];
const go = arches.map((arch) => `tailscaled-${arch}`);
const laboratory = ['parts', 'tailscale', 'node'];

const makers: Readonly<Record<string, () => unknown>> = {
  parts: locateParts,
  tailscale: makeTailscale,
  node: prepareNode,
  ...Object.fromEntries(
    arches.map((arch) => [
      `tailscaled-${arch}`,
      () => buildTailscaled(arch, (line) => console.error(`lab: ${line}`)),
    ]),
  ),
  'aws-tools': function tools() {
    const found = findAwsTools();
    if (typeof found === 'string') throw new Error(found);
  },
};

const [name] = process.argv.slice(2);
if (name === undefined) await prepareAll();
else {
  try {
    makers[name]?.();
  } catch (error) {
    console.error(`lab: ${name}: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}

/** All at once, because downloads overlap with what is compiled. */
async function prepareAll(): Promise<void> {
  const names = [...python, ...(hasGo() ? go : []), ...(whyNoLab() === undefined ? laboratory : [])];
  const children = names.map((one) =>
    spawn(process.execPath, [import.meta.filename, one], { stdio: 'inherit' }),
  );
  await Promise.all(children.map((child) => once(child, 'exit')));
}

function hasGo(): boolean {
  return spawnSync('go', ['version']).status === 0;
}
