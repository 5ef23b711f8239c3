import { isIP } from 'node:net';
import type { Exchange, Subject } from '../request/exchange.ts';
import { addressForm, type Form, headerNameForm, hostForm, methodForm, pathForm } from './forms.ts';
import type { Frame } from './frame.ts';
import { queryMap } from './query.ts';
import { Timestamp } from './time.ts';
import { listOf, mapOf, type Type } from './types.ts';
import { HeaderMap } from './values.ts';

/** What an authenticating plugin puts into `exchange.attributes.webhook`; all but the provider may be unknown. */
export interface WebhookAttribute {
  readonly provider: string;
  readonly id: string | undefined;
  readonly event: string | undefined;
  readonly timestamp: Date | undefined;
  /** Parsed when it is first read. @throws EvaluationError when it is not JSON */
  readonly payload: unknown;
}

/** A value that expressions can read: its CEL type, what it means, and how it is read; undefined while unknown. */
export interface Field {
  readonly type: Type;
  readonly about: string;
  /** The closed form of its values, or of a map's keys. */
  readonly form?: Form;
  readonly keyForm?: Form;
  read(exchange: Exchange, frame: Frame): unknown;
}

/** What an expression can name. */
export interface Names {
  /** The names with fields. Only the fields are values. */
  readonly groups: Readonly<Record<string, Readonly<Record<string, Field>>>>;
  /** The names that are values themselves. */
  readonly values: Readonly<Record<string, Field>>;
}

const webhook = (exchange: Exchange) => exchange.attributes.webhook as WebhookAttribute | undefined;
const text = (about: string, read: Field['read'], form?: Form): Field => ({
  type: 'string',
  about,
  read,
  ...(form && { form }),
});
const dyn = (about: string, read: Field['read']): Field => ({ type: 'dyn', about, read });
const timestamp = (about: string, read: (exchange: Exchange) => Date | undefined): Field => ({
  type: 'timestamp',
  about,
  read(exchange, frame) {
    frame.spend(20);
    const date = read(exchange);
    return date && Timestamp.fromDate(date);
  },
});

const noProperties = Object.freeze({});

function party(
  who: string,
  of: (exchange: Exchange) => Subject | undefined,
): Readonly<Record<string, Field>> {
  return {
    type: text(`What kind of ${who} it is.`, (exchange) => of(exchange)?.type),
    id: text(`Which ${who} it is.`, (exchange) => of(exchange)?.id),
    properties: dyn(`What else is known of the ${who}, a map.`, (exchange) => {
      const found = of(exchange);
      return found && (found.properties ?? noProperties);
    }),
  };
}

export const groups: Names['groups'] = {
  request: {
    method: text('As the client sent it, such as `POST`.', ({ head }) => head.method, methodForm),
    path: text(
      'The canonical path, the one that was matched and is forwarded.',
      ({ head }) => head.path,
      pathForm,
    ),
    host: text(
      'The name that the client asked for, lower case, without port.',
      ({ head }) => head.host,
      hostForm,
    ),
    query: {
      type: mapOf('string', listOf('string')),
      about: 'Name to values, decoded as forms are.',
      read: queryMap,
    },
    headers: {
      type: mapOf('string', 'string'),
      keyForm: headerNameForm,
      about: 'Lower-case name to text; a repeated header is joined with `, `.',
      read: (exchange) => new HeaderMap(exchange),
    },
    size: {
      type: 'int',
      about: 'Bytes of the body; unknown while a body without a declared length has not been read.',
      read: ({ bodySize }) => (bodySize < 0 ? undefined : BigInt(bodySize)),
    },
  },
  source: {
    ip: text(
      'The address of the peer, never taken from a header.',
      ({ head }) => (isIP(head.clientIp) === 0 ? undefined : head.clientIp),
      addressForm,
    ),
  },
  subject: party('caller', (exchange) => exchange.subject),
  device: party('device', (exchange) => exchange.device),
  webhook: {
    provider: text('Whose signature was verified, such as `github`.', (x) => webhook(x)?.provider),
    id: text('The id of the delivery, where the provider sends one.', (x) => webhook(x)?.id),
    event: text('What happened, such as `push`, where the provider says so.', (x) => webhook(x)?.event),
    timestamp: timestamp(
      'When it was signed, where the provider signs a time.',
      (x) => webhook(x)?.timestamp,
    ),
    payload: dyn('The body, parsed as JSON.', (x) => webhook(x)?.payload),
  },
};

export const values: Names['values'] = {
  risk: dyn('What a plugin that rates risk says of the request.', ({ attributes }) => attributes.risk),
  route: text('The name of the route that matched.', ({ route }) => route.name),
  now: timestamp('When the head of the request arrived.', ({ startedMs }) => new Date(startedMs)),
};

/** What the expressions of a configuration can name. */
export const names: Names = { groups, values };
