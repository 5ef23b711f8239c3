import { join } from 'node:path';
import { type Arch, arches, nodeArch } from '../../../extension/layer/arch.ts';
import { unpackLayer } from '../../../extension/layer/archive.ts';
import { bundleExtension } from '../../../extension/layer/bundle.ts';
import { interpreters, layerFiles } from '../../../extension/layer/layer.ts';
import { nodeFolder, readNode } from '../../../extension/layer/own-node.ts';
import { buildTailscaled } from '../../../extension/layer/tailscaled.ts';
import { bundleFunction } from '../../../scripts/build/bundle.ts';

/** What is uploaded to AWS: folders, and a program in one of them. */
export interface Products {
  readonly layer: string;
  readonly tailscaled: string;
  readonly forwarder: string;
  readonly authorizer: string;
}

/**
 * Builds the layer and the functions from the sources as they are, by the code that `npm run layer` and `npm run build` run.
 *
 * tailscaled must be in the cache: there is no network in the hub.
 */
export async function buildProducts(folder: string): Promise<Products> {
  const layer = join(folder, 'layer');
  const [extension, forwarder, authorizer] = await Promise.all([
    bundleExtension(interpreters.lambda),
    bundleFunction('forwarder', join(folder, 'forwarder')),
    bundleFunction('authorizer', join(folder, 'authorizer')),
  ]);
  const { program, licences } = makeTailscaled();
  unpackLayer(layerFiles({ tailscaled: program, licences, extension }), layer);
  return {
    layer,
    tailscaled: join(layer, 'bin', 'tailscaled'),
    forwarder: forwarder.folder,
    authorizer: authorizer.folder,
  };
}

/** Builds the layer for functions of other runtimes, which brings Node along. */
export async function buildLayerWithNode(folder: string): Promise<string> {
  const extension = await bundleExtension(interpreters.own);
  const { program, licences } = makeTailscaled();
  const node = readNode(ownArch());
  unpackLayer(layerFiles({ tailscaled: program, licences, extension, node }), folder);
  return folder;
}

/** Builds tailscaled for this machine, or takes it from the cache. @throws Error with what Go said */
export function makeTailscaled(): ReturnType<typeof buildTailscaled> {
  return buildTailscaled(ownArch(), (line) => process.stderr.write(`lab: ${line}\n`));
}

/** Fetches the Node of `buildLayerWithNode`. @throws Error with what npm said */
export function prepareNode(): void {
  nodeFolder(ownArch());
}

function ownArch(): Arch {
  return arches.find((one) => nodeArch[one] === process.arch) as Arch;
}
