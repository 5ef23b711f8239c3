import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { findAwsTools } from '../../support/aws-tools.ts';
import { locateParts } from './cache.ts';
import { whyNoLab } from './capability.ts';
import { makeTailscaled, prepareNode } from './products.ts';
import { makeTailscale } from './tailscale.ts';

// Fetches and builds all that the tests need of others, before they run: `npm test` begins with it, and then forbids the tests to fetch
// anything (POSTERN_OFFLINE). With a name it makes that alone. What could not be made is one line here, and the tests that
// need it are left out with the reason.

const makers: Readonly<Record<string, () => unknown>> = {
  parts: locateParts,
  tailscaled: makeTailscaled,
  tailscale: makeTailscale,
  node: prepareNode,
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
  const names = Object.keys(makers).filter((one) => one === 'aws-tools' || whyNoLab() === undefined);
  const children = names.map((one) =>
    spawn(process.execPath, [import.meta.filename, one], { stdio: 'inherit' }),
  );
  await Promise.all(children.map((child) => once(child, 'exit')));
}
