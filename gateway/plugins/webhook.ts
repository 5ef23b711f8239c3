import { messageOf } from '../../base/message-of.ts';
import { ConfigurationError } from '../../base/schema/configuration-error.ts';
import { type Schema, s } from '../../base/schema/schema.ts';
import { refuseBlank } from '../../base/secret-bytes.ts';
import { refusals } from '../answer/refusal.ts';
import { next, notResponsible, type Verdict } from '../answer/verdict.ts';
import { field } from '../expression/index.ts';
import { definePlugin, type JudgeBody, type Plugin } from '../plugin/plugin.ts';
import type { Secrets } from '../ports/secrets.ts';
import { type Claim, type LoadedSecret, MalformedSignature, type Provider } from '../providers/provider.ts';
import { ReceivedWebhook } from '../providers/received-webhook.ts';
import type { Exchange } from '../request/exchange.ts';

/** The options of every provider; each provider adds its own. */
interface Options {
  readonly provider: string;
  readonly secret: readonly string[];
  readonly tolerance: number;
  readonly maxBody: number;
  readonly maxPayload: number;
}

const refuse = refusals('webhook', {
  signature: [401, 'The signature of the webhook is wrong'],
  timestamp: [401, 'The webhook was signed too long ago, or in the future'],
  malformed: [400, 'The signature headers of the webhook cannot be read'],
});

/** Not a timer, so it has no upper bound. A recorded webhook can be replayed for this long. */
const tolerance = s.refine(
  s.withDefault(s.duration({ max: Number.POSITIVE_INFINITY }), '5m'),
  function notZero(ms) {
    return ms > 0
      ? undefined
      : 'a tolerance of 0 would refuse everything; write the largest difference between clocks, such as 5m';
  },
);

/** Providers advise 5 minutes. */
const advisedToleranceMs = 3_600_000;
const mostSecrets = 4;

function optionsOf(provider: Provider): Schema<Options> {
  return s.object({
    provider: s.describe(s.literal(provider.name), provider.about),
    secret: s.describe(
      s.refine(s.oneOrMore(s.secretReference()), function fewSecrets(all) {
        return all.length > mostSecrets
          ? `at most ${mostSecrets} secrets: each hashes the whole body`
          : undefined;
      }),
      'The secret, or up to four of which any is accepted while senders change from one to the next.',
    ),
    tolerance: s.describe(
      tolerance,
      'How far the time that was signed may lie before or after now, where the provider signs one.',
    ),
    maxBody: s.describe(
      s.withDefault(s.size(), '10MiB'),
      'The most bytes that a body may have: it is read whole.',
    ),
    maxPayload: s.describe(
      s.withDefault(s.size(), '1MiB'),
      'The most bytes of a body that expressions can read as webhook.payload.',
    ),
    ...provider.options,
  });
}

const received = ({ attributes }: Exchange) => attributes.webhook as ReceivedWebhook | undefined;

/**
 * Verifies that a request is a webhook of its sender, over the received bytes of its body.
 *
 * A request without the provider's signature header is left to other plugins; a wrong signature refuses.
 * Sets the subject (`webhook`, the provider's name) and the name `webhook` in expressions.
 *
 * @param providers the senders to choose from
 */
export function webhook(providers: readonly Provider[]): Plugin<Options> {
  return definePlugin({
    name: 'webhook',
    priority: 1030,
    guard: { authenticates: 'subject' },
    scopes: ['global', 'service', 'route'],
    readsBody: true,
    uses: ['clock', 'secrets'],
    options: s.variants('provider', providers.map(optionsOf)),
    refusals: refuse,
    names: {
      webhook: {
        fields: {
          provider: field(
            'string',
            'Whose signature was verified, such as `github`.',
            (x) => received(x)?.provider,
          ),
          id: field(
            'string',
            'The id of the delivery, where the provider sends one.',
            (x) => received(x)?.id,
          ),
          event: field(
            'string',
            'What happened, such as `push`, where the provider says so.',
            (x) => received(x)?.event,
          ),
          timestamp: field(
            'timestamp',
            'When it was signed, where the provider signs a time.',
            (x) => received(x)?.timestamp,
          ),
          payload: field('dyn', 'The body, parsed as JSON.', (x) => received(x)?.payload),
        },
      },
    },
    async create(options, host) {
      const provider = providers.find(({ name }) => name === options.provider);
      if (provider === undefined) throw new ConfigurationError('unknown provider', ['provider']);
      if (options.tolerance > advisedToleranceMs)
        host.warn(
          ['tolerance'],
          'a recorded webhook can be replayed for more than an hour',
          'write the largest difference between clocks, such as 5m',
        );
      const { name } = provider;
      const readHead = provider.create(options, await loadSecrets(options.secret, host.secrets), host.warn);
      const subject = Object.freeze({ type: 'webhook', id: name });

      function staleness({ timestampMs }: Claim): Verdict | undefined {
        if (timestampMs === undefined) return undefined;
        const ageMs = host.clock.now() - timestampMs;
        if (Math.abs(ageMs) <= options.tolerance) return undefined;
        const when = ageMs < 0 ? `${-ageMs / 1_000} s in the future` : `${ageMs / 1_000} s ago`;
        return refuse.timestamp(`signed ${when}; the tolerance is ${options.tolerance / 1_000} s`);
      }

      function conclude(exchange: Exchange, claim: Claim, body: Uint8Array, signed: boolean): Verdict {
        if (!signed) return refuse.signature(`${claim.header} does not match any of the secrets`);
        // The body may have arrived slowly.
        const stale = staleness(claim);
        if (stale !== undefined) return stale;
        exchange.subject = subject;
        exchange.attributes.webhook = new ReceivedWebhook(name, claim, exchange, body, options.maxPayload);
        return next;
      }

      function judgeHead(exchange: Exchange): Verdict | JudgeBody {
        const claim = readHead(exchange.head.headers);
        if (claim.kind === 'unsigned') return notResponsible(claim.detail);
        if (claim.kind === 'forged') return refuse.signature(claim.detail);
        return (
          staleness(claim) ??
          function judgeBody(body) {
            const signed = claim.isSigned(body, () => exchange.isOver);
            return typeof signed === 'boolean'
              ? conclude(exchange, claim, body, signed)
              : signed.then((late) => conclude(exchange, claim, body, late));
          }
        );
      }

      return {
        body: { kind: 'all', limitBytes: options.maxBody },
        maxBodyBytes: options.maxBody,
        head(exchange) {
          try {
            return judgeHead(exchange);
          } catch (error) {
            if (error instanceof MalformedSignature) return refuse.malformed(error.message);
            throw error;
          }
        },
      };
    },
  });
}

async function loadSecrets(
  references: readonly string[],
  secrets: Secrets,
): Promise<readonly LoadedSecret[]> {
  return Promise.all(
    references.map(async function load(reference) {
      try {
        return { reference, bytes: refuseBlank(await secrets.get(reference), reference) };
      } catch (error) {
        throw new ConfigurationError(messageOf(error), ['secret'], undefined, 'config:secret');
      }
    }),
  );
}
