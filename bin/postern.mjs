#!/usr/bin/env node
// Starts the command line: from its sources in a clone, compiled in the published package (Node strips no types below node_modules).
// Plain JavaScript for any Node, because it says which one is needed.
import { existsSync, readFileSync } from 'node:fs';

const root = new URL('../', import.meta.url);
const sources = new URL('bin/postern.ts', root);
const compiled = new URL('dist/package/bin/postern.js', root);
const isClone = existsSync(sources);
const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));

const wrong = problem();
if (process.argv[2] === '--version') process.stdout.write(`${manifest.version}\n`);
else if (wrong === undefined) await import(isClone ? sources.href : compiled.href);
else {
  process.stderr.write(`postern: ${wrong}\n`);
  process.exitCode = 1;
}

function problem() {
  if (isClone && !existsSync(new URL('node_modules/node/', root)))
    return 'the packages of this clone are not installed; run `npm ci` in it first';
  const least = manifest.engines.node.replace('>=', '');
  if (isOlder(process.versions.node, least)) {
    const instead = isClone
      ? 'run `npx postern` in the clone, which uses its own Node'
      : 'install a newer one from https://nodejs.org';
    return `it needs Node ${least} or later, and this is ${process.version}; ${instead}`;
  }
  if (!isClone && !existsSync(compiled))
    return 'this package was made without a build; make it with `npm pack` in a clone of its repository';
  return undefined;
}

function isOlder(version, least) {
  const [[major, minor], [leastMajor, leastMinor]] = [version, least].map((one) =>
    one.split('.').map(Number),
  );
  return major < leastMajor || (major === leastMajor && minor < leastMinor);
}
