import type { LayerFile } from './archive.ts';
import type { OwnNode } from './own-node.ts';

export interface LayerParts {
  readonly tailscaled: Uint8Array;
  readonly licences: string;
  /** The bundled extension. */
  readonly extension: Uint8Array;
  /** Only for functions of other runtimes. */
  readonly node?: OwnNode | undefined;
}

/** Where Lambda's Node runtimes have Node, and where a layer that brings its own has it. */
export const interpreters = { lambda: '/var/lang/bin/node', own: '/opt/postern/node' } as const;

const aboutCas =
  'Certificates of private authorities go here, as PEM files that end in .pem or .crt, from this layer or from another one.\n' +
  "tailscaled trusts them beside the system's when it talks to the control server.\n";

/** Which files are where under /opt. Lambda starts every file of /opt/extensions, so there is only one. */
export function layerFiles({ tailscaled, licences, extension, node }: LayerParts): LayerFile[] {
  const files = [
    program('bin/tailscaled', tailscaled),
    program('extensions/postern', extension),
    text('postern/licences.txt', licences),
    text('ssl/README.txt', aboutCas),
  ];
  if (node === undefined) return files;
  return [...files, program('postern/node', node.program), text('postern/node-licence.txt', node.licence)];
}

function program(path: string, content: Uint8Array): LayerFile {
  return { path, content, executable: true };
}

function text(path: string, content: string): LayerFile {
  return { path, content: new TextEncoder().encode(content), executable: false };
}
