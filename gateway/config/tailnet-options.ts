import { type Schema, s } from '../../base/schema/schema.ts';

/** A unix socket's path has 107 characters at most, and `/tailscaled.sock` is added to the folder. */
const maxSocketChars = 107;
const maxFolderChars = maxSocketChars - '/tailscaled.sock'.length;

/** A DNS label; written out, so that editors check it too. */
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
    'The LocalAPI socket of a tailscaled that runs already, and is used as it is.',
  ),
  key: s.describe(s.optional(s.secretReference()), 'The auth key, with which the node joins the first time.'),
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
    'Whether the node keeps nothing on disk, and leaves the tailnet at the end.',
  ),
  stateDir: s.describe(
    s.optional(s.string({ max: maxFolderChars })),
    'The folder of the state by which the node is the same after a restart.',
  ),
  binary: s.describe(
    s.optional(s.string()),
    'The program that is started: a path, or a name that is on PATH.',
  ),
});

type Shape = typeof shape extends Schema<infer Output> ? Output : never;

/** The tailnet node of `postern serve`: one that it owns, by `key`, or the one of a tailscaled that runs already, by `socket`. */
export const tailnetOptions = s.refine(shape, (options) => {
  const { socket, key, ephemeral, stateDir } = options;
  if (socket === undefined) {
    if (key === undefined)
      return 'expected key, to start a tailscaled, or socket, to use one that runs already';
    return ephemeral === true && stateDir !== undefined
      ? { key: 'stateDir', message: 'an ephemeral node keeps no state; remove stateDir or ephemeral' }
      : undefined;
  }
  const [other] = Object.keys(options).filter((name) => name !== 'socket');
  return other === undefined
    ? undefined
    : {
        key: other,
        message: `the tailscaled at socket is used as it is; remove ${other}, or socket to start one`,
      };
});

export type TailnetOptions = Shape;
