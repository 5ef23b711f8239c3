import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** What is uploaded to AWS, as built: folders. */
export interface Products {
  readonly layer: string;
  readonly tailscaled: string;
  readonly forwarder: string;
  readonly authorizer: string;
}

const root = join(import.meta.dirname, '..', '..', '..');
const arch = process.arch === 'arm64' ? 'arm64' : 'x86_64';

/** Where the build put them: `dist`, or POSTERN_DIST. */
export function locateProducts(): Products {
  const dist = process.env.POSTERN_DIST ?? join(root, 'dist');
  const layer = join(dist, 'layer', arch);
  return {
    layer,
    tailscaled: join(layer, 'bin', 'tailscaled'),
    forwarder: join(dist, 'functions', 'forwarder'),
    authorizer: join(dist, 'functions', 'authorizer'),
  };
}

/** Why there is nothing to test, in one line, or undefined. */
export function whyNoProducts(): string | undefined {
  const { tailscaled, forwarder, authorizer, layer } = locateProducts();
  const wanted = [
    ...[tailscaled, join(layer, 'extensions', 'postern')],
    ...[join(forwarder, 'index.mjs'), join(authorizer, 'index.mjs')],
  ];
  const missing = wanted.filter((path) => !existsSync(path));
  return missing.length === 0
    ? undefined
    : `needs ${missing.join(', ')}: run npm run layer and npm run build`;
}
