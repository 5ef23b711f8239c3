import type { Arch } from './arch.ts';
import { type LayerFile, zipLayer } from './archive.ts';
import { bundleExtension } from './bundle.ts';
import { interpreters, layerFiles } from './layer.ts';
import { readNode } from './own-node.ts';
import { buildTailscaled } from './tailscaled.ts';

export { arches } from './arch.ts';

export interface MadeLayer {
  readonly files: readonly LayerFile[];
  readonly zip: Uint8Array;
}

/**
 * Makes the layer for an architecture from the sources: a second or two if tailscaled is in the cache, otherwise minutes.
 *
 * @param report hears of what takes long, before it begins
 * @throws Error without Go, or with what a compiler said
 */
export async function makeLayer(
  arch: Arch,
  ownNode: boolean,
  report: (line: string) => void,
): Promise<MadeLayer> {
  const extension = await bundleExtension(ownNode ? interpreters.own : interpreters.lambda);
  const { program, licences } = buildTailscaled(arch, report);
  const node = ownNode ? readNode(arch) : undefined;
  const files = layerFiles({ tailscaled: program, licences, extension, node });
  return { files, zip: zipLayer(files, ownNode ? 6 : 9) };
}

/** The name of its folder and its zip: `arm64`, `x86_64-own-node`. */
export function layerName(arch: Arch, ownNode: boolean): string {
  return ownNode ? `${arch}-own-node` : arch;
}
