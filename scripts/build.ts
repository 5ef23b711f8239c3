import { rm } from 'node:fs/promises';
import { relative } from 'node:path';
import { parseArgs } from 'node:util';
import { bundleFunction, functionFolder, functionNames, root } from './build/bundle.ts';
import { bundleConfiguration } from './build/configuration.ts';
import { copyStaticFiles, packageFolder } from './build/static-files.ts';

// npm run build [-- --config postern.yaml]: bundles the functions into dist/functions, with the configuration beside them. The
// compiler, which runs next, writes the package into dist/package.

const { values } = parseArgs({ options: { config: { type: 'string' } } });

// Otherwise files compiled from deleted sources would be in the package.
await rm(packageFolder, { recursive: true, force: true });
await copyStaticFiles();
for (const name of functionNames) {
  const { folder, files } = await bundleFunction(name, functionFolder(name));
  process.stdout.write(`${relative(root, folder)}\n`);
  for (const file of files)
    process.stdout.write(`  ${kib(file.bytes)} KiB  ${kib(file.zippedBytes)} KiB zipped  ${file.name}\n`);
  // The rotation handles no requests.
  if (values.config === undefined || name === 'rotation') continue;
  const path = await bundleConfiguration(values.config, folder);
  process.stdout.write(`  ${relative(root, path)}, from ${values.config}\n`);
}

function kib(bytes: number): string {
  return (bytes / 1024).toFixed(1).padStart(7);
}
