import { type Schema, s } from '../../base/schema/schema.ts';

/** The path of a unix socket has at most 107 characters, and `/tailscaled.sock` is added to the folder. */
const maxSocketChars = 107;
const maxFolderChars = maxSocketChars - '/tailscaled.sock'.length;

/** A DNS label, as a pattern, so that editors check it too. */
const hostname = s.string({
  max: 63,
  pattern: /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/,
  message: 'expected letters, digits and hyphens, 63 at most, with no hyphen at either end',
});
const tag = s.string({
  max: 256,
  pattern: /^tag:[A-Za-z][A-Za-z0-9-]*$/,
  message: 'expected a tag such as tag:postern',
});

const shape = s.object({
  socket: s.describe(
    s.optional(s.string({ max: maxSocketChars })),
    'The LocalAPI socket of a running tailscaled, which is used without changes.',
  ),
  key: s.describe(s.optional(s.secretReference()), 'The auth key for the first join of the node.'),
  controlUrl: s.describe(
    s.optional(
      s.string({
        max: 2_048,
        pattern: /^https?:\/\/[^/?#@]+\/?$/,
        message: 'expected a URL such as https://headscale.example.com, without path or user',
      }),
    ),
    "The tailnet's control server. Default: Tailscale's own.",
  ),
  hostname: s.describe(
    s.optional(hostname),
    'The name of the node in the tailnet. Default: the name of the machine.',
  ),
  tags: s.describe(
    s.optional(s.list(tag, { min: 1, max: 64 })),
    'Tags that the node asks for. Default: those of the key.',
  ),
  ephemeral: s.describe(
    s.optional(s.boolean()),
    'Whether the node stores nothing on disk and leaves the tailnet at the end.',
  ),
  stateDir: s.describe(
    s.optional(s.string({ max: maxFolderChars })),
    'The folder of the state with which the node stays the same after a restart.',
  ),
  binary: s.describe(s.optional(s.string()), 'The program to start: a path, or a name on PATH.'),
});

type Shape = typeof shape extends Schema<infer Output> ? Output : never;

/** The tailnet node of `postern serve`: its own node, with `key`, or the node of a running tailscaled, with `socket`. */
export const tailnetOptions = s.refine(shape, (options) => {
  const { socket, key, ephemeral, stateDir } = options;
  if (socket === undefined) {
    if (key === undefined) return 'expected key, to start a tailscaled, or socket, to use a running one';
    return ephemeral === true && stateDir !== undefined
      ? { key: 'stateDir', message: 'an ephemeral node has no state; remove stateDir or ephemeral' }
      : undefined;
  }
  const [other] = Object.keys(options).filter((name) => name !== 'socket');
  return other === undefined
    ? undefined
    : {
        key: other,
        message: `the tailscaled at socket is used without changes; remove ${other}, or socket to start one`,
      };
});

export type TailnetOptions = Shape;
