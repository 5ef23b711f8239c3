import { isIP } from 'node:net';
import { type FieldGroup, field, type Names } from '../../expression/names.ts';
import { listOf, mapOf } from '../../expression/types.ts';
import type { Exchange, Subject } from '../exchange.ts';
import type { IsTakenAway } from '../header-names.ts';
import { addressForm, headerNameForm, hostForm, methodForm, pathForm } from './forms.ts';
import { HeaderMap } from './header-map.ts';
import { queryMap } from './query.ts';

const noProperties = Object.freeze({});

function party(who: string, of: (exchange: Exchange) => Subject | undefined): FieldGroup<Exchange> {
  return {
    fields: {
      type: field('string', `What kind of ${who} it is.`, (exchange: Exchange) => of(exchange)?.type),
      id: field('string', `Which ${who} it is.`, (exchange: Exchange) => of(exchange)?.id),
      properties: field('dyn', `What else is known of the ${who}, a map.`, (exchange: Exchange) => {
        const found = of(exchange);
        return found && (found.properties ?? noProperties);
      }),
    },
  };
}

/** The names in expressions about every request; plugins contribute more. */
export function requestNames(isTakenAway: IsTakenAway): Names<Exchange> {
  return {
    request: {
      fields: {
        method: field('string', 'As the client sent it, such as `POST`.', ({ head }) => head.method, {
          form: methodForm,
        }),
        path: field(
          'string',
          'The canonical path, the one that was matched and is forwarded.',
          ({ head }) => head.path,
          { form: pathForm },
        ),
        host: field(
          'string',
          'The name that the client asked for, lower case, without port.',
          ({ head }) => head.host,
          { form: hostForm },
        ),
        query: field(mapOf('string', listOf('string')), 'Name to values, decoded as forms are.', queryMap),
        headers: field(
          mapOf('string', 'string'),
          'Lower-case name to text; a repeated header is joined with `, `.',
          (exchange) => new HeaderMap(exchange),
          { keyForm: headerNameForm(isTakenAway) },
        ),
        size: field(
          'int',
          'Bytes of the body; unknown while a body without a declared length has not been read.',
          ({ bodySize }) => (bodySize < 0 ? undefined : BigInt(bodySize)),
        ),
      },
    },
    source: {
      fields: {
        ip: field(
          'string',
          'The address of the peer, never taken from a header.',
          ({ head }) => (isIP(head.clientIp) === 0 ? undefined : head.clientIp),
          { form: addressForm },
        ),
      },
    },
    subject: party('caller', (exchange) => exchange.subject),
    device: party('device', (exchange) => exchange.device),
    risk: field(
      'dyn',
      'What a plugin that rates risk says of the request.',
      ({ attributes }) => attributes.risk,
    ),
    route: field('string', 'The name of the route that matched.', ({ route }) => route.name),
    answer: {
      fields: {
        status: field(
          'int',
          'The status of the answer, for headers of the answer; not known before.',
          ({ status }) => (status === 0 ? undefined : BigInt(status)),
        ),
      },
    },
    now: field('timestamp', 'When the head of the request arrived.', ({ startedMs }) => new Date(startedMs)),
  };
}
