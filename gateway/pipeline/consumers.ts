import { messageOf } from '../../base/message-of.ts';
import { gatewayRefusals } from '../answer/refusal.ts';
import type { Reply } from '../answer/verdict.ts';
import { MissingKey } from '../expression/errors.ts';
import type { Log } from '../ports/log.ts';
import type { Exchange, Subject } from '../request/exchange.ts';
import type { Overrides } from './chains.ts';

/** A named caller in the configuration. */
export interface Consumer {
  readonly id: string;
  readonly overrides: Overrides;
}

/** A consumer that is found by an expression. */
export interface MatchedConsumer extends Consumer {
  readonly matches: (exchange: Exchange) => boolean;
}

/** The type and the id of a subject. */
export type Credential = Pick<Subject, 'type' | 'id'>;

/** Finds the consumer of a request: by the credential of its subject, or else by the expressions in order. */
export class Consumers {
  /** By type, then by id, so that no combined key is made for a request. */
  readonly #byCredential = new Map<string, Map<string, Consumer>>();
  readonly #matched: readonly MatchedConsumer[];

  /** If two consumers have the same credential, the first gets it. */
  constructor(credentials: Iterable<readonly [Credential, Consumer]>, matched: readonly MatchedConsumer[]) {
    for (const [{ type, id }, consumer] of credentials) {
      const ofType = this.#byCredential.get(type) ?? new Map<string, Consumer>();
      this.#byCredential.set(type, ofType);
      if (!ofType.has(id)) ofType.set(id, consumer);
    }
    this.#matched = matched;
  }

  /** A reply refuses: the request may belong to a consumer whose plugins restrict, but that cannot be determined. */
  find(exchange: Exchange, log: Log): Consumer | Reply | undefined {
    const subject = this.#byCredential.size === 0 ? undefined : exchange.subject;
    const indexed = subject === undefined ? undefined : this.#withCredential(subject);
    return indexed ?? this.#firstThatMatches(exchange, log);
  }

  #withCredential({ type, id }: Credential): Consumer | undefined {
    return this.#byCredential.get(type)?.get(id);
  }

  #firstThatMatches(exchange: Exchange, log: Log): Consumer | Reply | undefined {
    for (const consumer of this.#matched) {
      try {
        if (consumer.matches(exchange)) return consumer;
      } catch (error) {
        // A caller without the value that the expression reads is not that consumer.
        if (error instanceof MissingKey) continue;
        const detail = `consumers.${consumer.id}.match: ${messageOf(error)}`;
        if (consumer.overrides.restricts) return gatewayRefusals.consumer(detail);
        log.warn('consumer-not-matched', { id: exchange.id, consumer: consumer.id, error: detail });
      }
    }
    return undefined;
  }
}
