import { type Schema, s } from '../../base/schema/schema.ts';
import { tailnetOptions } from './tailnet-options.ts';

const timeout = () => s.optional(s.duration({ min: 1 }));
const size = (minBytes: number, least: string, maxBytes = Number.MAX_SAFE_INTEGER, most?: string) =>
  s.optional(
    s.refine(s.size(), (bytes) => {
      if (bytes < minBytes) return `expected at least ${least}`;
      return bytes > maxBytes ? `expected at most ${most ?? `${maxBytes} bytes`}` : undefined;
    }),
  );

const limits = s.refine(
  s.object({
    headerSize: s.describe(
      size(1_024, '1KiB', 16_777_216, '16MiB'),
      'The request line and the headers of a request together.',
    ),
    headerLines: s.describe(s.optional(s.integer(1, 1_000)), 'Lines of headers.'),
    headerTimeout: s.describe(timeout(), 'From the first byte of a request to the end of its headers.'),
    requestTimeout: s.describe(timeout(), 'From the first byte of a request to the last byte of its body.'),
    keepAliveTimeout: s.describe(timeout(), 'How long a connection may be idle between two requests.'),
    bodyRate: s.describe(
      size(1, '1B'),
      'The least that a body must bring in a second while it is waited for, on average over bodyWindow.',
    ),
    bodyWindow: s.describe(timeout(), 'The time over which bodyRate is measured.'),
    memory: s.describe(
      size(1_048_576, '1MiB'),
      'What all requests under way may hold in memory: their heads, and their bodies as far as they are kept.',
    ),
    memoryPerAddress: s.describe(
      // Of a body that is only forwarded up to 128 KiB are held, in addition to its head.
      size(262_144, '256KiB'),
      'The same for one IPv4 address or one /64 of IPv6. A quarter of memory unless given.',
    ),
    answerTimeout: s.describe(timeout(), 'How long a client may take no byte of its answer.'),
    connections: s.describe(s.optional(s.integer(1, 1_000_000)), 'Connections at the same time.'),
    connectionsPerAddress: s.describe(
      s.optional(s.integer(1, 1_000_000)),
      'The same for one IPv4 address or one /64 of IPv6. A quarter of connections unless given.',
    ),
    pipelined: s.describe(
      s.optional(s.integer(1, 1_000)),
      'Requests that a client may send ahead on one connection.',
    ),
  }),
  ({ memory = Infinity, memoryPerAddress = 0, connections = Infinity, connectionsPerAddress = 0 }) => {
    if (memoryPerAddress > memory)
      return 'memoryPerAddress is larger than memory; no address could use that much';
    return connectionsPerAddress > connections
      ? 'connectionsPerAddress is larger than connections; no address could have that many'
      : undefined;
  },
);

/** Options that only `postern serve` uses. The functions accept them, so that one file can serve both hosts. */
export const serverOptions = s.object({
  limits: s.describe(s.withDefault(limits, {}), 'What a client may ask of the listener at most.'),
  drainTimeout: s.describe(
    s.withDefault(s.duration({ min: 1 }), '25s'),
    'How long requests under way may take after a stop, or after the configuration was replaced.',
  ),
  tailnet: s.describe(
    s.optional(tailnetOptions),
    'The node of the tailnet through which transport: tailnet goes.',
  ),
});

export type ServerOptions = typeof serverOptions extends Schema<infer Output> ? Output : never;
