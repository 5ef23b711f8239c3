import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '../../base/message-of.ts';
import { type Arch, arches } from './arch.ts';
import { unpackLayer } from './archive.ts';
import { layerName, makeLayer } from './make.ts';

const usage = `npm run layer -- [--arch arm64|x86_64|all] [--own-node] [--out dist/layer]

Builds the Lambda layer: OUT/ARCH as folders and OUT/ARCH.zip for the upload. Without --arch, both.
--own-node builds ARCH-own-node, which brings Node along for functions of other runtimes.`;

interface LayerOptions {
  readonly arches: readonly Arch[];
  readonly ownNode: boolean;
  readonly out: string;
}

async function main(args: readonly string[]): Promise<void> {
  const { arches, ownNode, out } = readOptions(args);
  for (const arch of arches) {
    const { files, zip } = await makeLayer(arch, ownNode, say);
    const name = layerName(arch, ownNode);
    unpackLayer(files, join(out, name));
    mkdirSync(out, { recursive: true });
    writeFileSync(join(out, `${name}.zip`), zip);
    const hash = createHash('sha256').update(zip).digest('hex');
    const where = relative(process.cwd(), join(out, `${name}.zip`));
    say(`${where}: ${(zip.length / 1e6).toFixed(1)} MB, sha256 ${hash}`);
  }
}

function readOptions(args: readonly string[]): LayerOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      arch: { type: 'string', default: 'all' },
      'own-node': { type: 'boolean', default: false },
      out: { type: 'string', default: join('dist', 'layer') },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  }
  const wanted = values.arch === 'all' ? arches : arches.filter((arch) => arch === values.arch);
  if (wanted.length === 0) throw new Error(`--arch is ${values.arch}; it may be ${arches.join(', ')} or all`);
  return { arches: wanted, ownNode: values['own-node'], out: values.out };
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`postern: ${messageOf(error)}\n`);
  process.exit(1);
});
