#!/usr/bin/env node
// Starts the command line: from its sources in a clone, compiled in the published package (Node strips no types below node_modules).
import { existsSync } from 'node:fs';

const [major = 0] = process.versions.node.split('.').map(Number);
if (major < 24) {
  process.stderr.write(
    `postern: it runs on Node 24 or later, this is ${process.version}; install Node 24, or use npx in a clone\n`,
  );
  process.exit(1);
}
const sources = new URL('./postern.ts', import.meta.url);
await import(
  existsSync(sources) ? sources.href : new URL('../dist/package/bin/postern.js', import.meta.url).href
);
