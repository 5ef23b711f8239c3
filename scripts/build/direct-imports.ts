import { readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'esbuild';

const index = fileURLToPath(new URL('../../gateway/index.ts', import.meta.url));

/**
 * Imports names of `gateway/index.ts` directly from the files that declare them.
 *
 * esbuild splits code by files: everything that an index names would be in one chunk, and a function that needs one name would load it all.
 */
export const directImports: Plugin = {
  name: 'direct-imports',
  setup({ onLoad }) {
    const homes = homesIn(readFileSync(index, 'utf8'));
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      if (path.split(sep).includes('node_modules')) return undefined;
      const text = readFileSync(path, 'utf8');
      const contents = text.replace(
        /^import (?:type )?\{([^}]*)\} from '([^']*\/gateway\/index\.ts)';$/gm,
        (whole, names: string, from: string) =>
          join(dirname(path), from) === index ? direct(names, dirname(path), homes) : whole,
      );
      return contents === text ? undefined : { contents, loader: 'ts' };
    });
  },
};

/** For each name that the index exports, the file that declares it. */
function homesIn(text: string): ReadonlyMap<string, string> {
  const exports = [...text.matchAll(/^export (?:type )?\{([^}]*)\} from '([^']+)';$/gm)];
  return new Map(
    exports.flatMap(([, names = '', from = '']) =>
      namesIn(names).map((name) => [bare(name), join(dirname(index), from)] as const),
    ),
  );
}

function direct(names: string, folder: string, homes: ReadonlyMap<string, string>): string {
  const imports = namesIn(names).map((name) => {
    const home = homes.get(bare(name));
    if (home === undefined) throw new Error(`gateway/index.ts does not export ${name}`);
    return name.startsWith('type ')
      ? ''
      : `import { ${name} } from './${relative(folder, home).replaceAll(sep, '/')}';`;
  });
  return imports.join(' ');
}

function namesIn(list: string): readonly string[] {
  return list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

const bare = (name: string) => name.replace(/^type /, '').replace(/ as .*$/, '');
