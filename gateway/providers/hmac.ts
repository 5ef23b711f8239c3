import { ConfigurationError, type Warn } from '../../base/schema/configuration-error.ts';
import { s } from '../../base/schema/schema.ts';
import { isTakenAway, plainName } from '../request/header-names.ts';
import { defineProvider } from './provider.ts';
import { hmacVerifier } from './scheme/hmac.ts';
import { digests, encodings } from './scheme/mac.ts';
import { compileTemplate, type SignedTemplate } from './scheme/template.ts';

const headerName = s.string({
  max: 128,
  pattern: plainName,
  message:
    'expected a header name of letters, digits and hyphens; a name that headersAllow allows is written with hyphens here, such as X-Sig for X_Sig',
});

interface Options {
  readonly header: string;
  readonly prefix: string;
  readonly digest: (typeof digests)[number];
  readonly encoding: (typeof encodings)[number];
  readonly signed: string;
  readonly timestampHeader: string | undefined;
  readonly timestampUnit: 's' | 'ms';
  readonly idHeader: string | undefined;
  readonly eventHeader: string | undefined;
}

/** Any sender that puts an HMAC (RFC 2104) of the body into a header; options set the details. */
export const hmac = defineProvider<Options>({
  name: 'hmac',
  about:
    'Any sender that puts an HMAC into a header: header, digest, encoding and what is signed are options.',
  options: {
    header: s.describe(
      headerName,
      'The header with the signature, or with several separated by commas or spaces.',
    ),
    prefix: s.describe(
      s.withDefault(
        s.string({
          min: 0,
          max: 64,
          pattern: /^[\x21-\x2b\x2d-\x7e]*$/,
          message: 'expected ASCII without spaces and commas',
        }),
        '',
      ),
      'The prefix of each signature, such as `v1=`.',
    ),
    digest: s.describe(s.withDefault(s.oneOf(digests), 'sha256'), 'The hash of the HMAC.'),
    encoding: s.describe(s.withDefault(s.oneOf(encodings), 'hex'), 'How the signature is written.'),
    signed: s.describe(
      s.withDefault(s.string({ max: 256 }), '{body}'),
      'What is signed, with {body} and, where the sender signs them, {timestamp} and {id}.',
    ),
    timestampHeader: s.describe(s.optional(headerName), 'The header with the time that is signed.'),
    timestampUnit: s.describe(
      s.withDefault(s.oneOf(['s', 'ms']), 's'),
      'Whether the time is in seconds or milliseconds.',
    ),
    idHeader: s.describe(s.optional(headerName), "The header with the delivery's id."),
    eventHeader: s.describe(s.optional(headerName), 'The header with the kind of event.'),
  },
  create(options, secrets, warn) {
    const { header, prefix, digest, encoding, timestampHeader, timestampUnit, idHeader, eventHeader } =
      options;
    const signed = compileSigned(options);
    warnOfTakenAway(options, warn);
    return hmacVerifier(
      {
        header: header.toLowerCase(),
        prefix,
        several: true,
        digest,
        encoding,
        signed,
        timestamp:
          timestampHeader === undefined
            ? undefined
            : {
                header: timestampHeader.toLowerCase(),
                unitMs: timestampUnit === 's' ? 1000 : 1,
              },
        idHeader: idHeader?.toLowerCase(),
        eventHeader: eventHeader?.toLowerCase(),
      },
      secrets,
      warn,
    );
  },
});

function compileSigned({ signed, timestampHeader, idHeader }: Options): SignedTemplate {
  const template = compileTemplate(signed);
  if (typeof template === 'string') throw new ConfigurationError(template, ['signed']);
  if (template.usesTimestamp && timestampHeader === undefined)
    throw new ConfigurationError('{timestamp} is signed, but timestampHeader does not name its header', [
      'signed',
    ]);
  if (template.usesId && idHeader === undefined)
    throw new ConfigurationError('{id} is signed, but idHeader does not name its header', ['signed']);
  if (!template.usesTimestamp && timestampHeader !== undefined)
    throw new ConfigurationError(
      'anyone can set a time that is not signed',
      ['timestampHeader'],
      'put {timestamp} into signed, or remove timestampHeader',
    );
  return template;
}

const headerOptions = ['header', 'timestampHeader', 'idHeader', 'eventHeader'] as const;

/** These headers are read but not forwarded. A target that recognizes webhooks by such an id would take each replay for a new one. */
function warnOfTakenAway(options: Options, warn: Warn): void {
  for (const option of headerOptions) {
    const name = options[option]?.toLowerCase();
    if (name !== undefined && isTakenAway(name))
      warn(
        [option],
        `the target does not get the sender's ${name}`,
        'if it reads this header, configure another name at the sender; docs/configuration.md lists the headers that are removed',
      );
  }
}
