import { isReserved } from '../../base/http/field.ts';
import { removeHeader } from '../../base/http/headers.ts';
import { type Schema, s } from '../../base/schema/schema.ts';
import { compileHeaders, type HeaderValues, headerName, headerValues } from '../plugin/header-edits.ts';
import { definePlugin } from '../plugin/plugin.ts';

interface Options {
  readonly set: HeaderValues;
  readonly add: HeaderValues;
  readonly remove: readonly string[];
}

const name = headerName((header) => (isReserved(header) ? 'the gateway writes it' : undefined));

const shape: Schema<Options> = s.object({
  set: s.describe(
    headerValues(name),
    'Headers that the client gets in place of those of the same name: a string, or an expression that returns one.',
  ),
  add: s.describe(headerValues(name), 'Headers that the client gets behind those of the same name.'),
  remove: s.describe(s.withDefault(s.list(name), []), 'Headers that the client does not get.'),
});

/** Edits the headers of answers, those of the target and those of the gateway itself: removes, then sets, then adds. */
export const responseHeaders = definePlugin({
  name: 'response-headers',
  priority: 800,
  scopes: ['global', 'service', 'route', 'consumer'],
  uses: ['log'],
  options: s.refine(shape, function atLeastOne({ set, add, remove }) {
    const names = [...Object.keys(set), ...Object.keys(add), ...remove];
    return names.length === 0 ? 'name a header in set, add or remove' : undefined;
  }),
  async create({ set, add, remove }, { compile, log }) {
    const taken = [...remove, ...Object.keys(set)].map((name) => name.toLowerCase());
    const given = [
      ...(await compileHeaders('set', set, compile)),
      ...(await compileHeaders('add', add, compile)),
    ];
    return {
      answer(exchange, answer) {
        for (const name of taken) removeHeader(answer.headers, name);
        // Only the final answer gets them; an interim one would repeat them.
        if (answer.status < 200) return;
        for (const { name, read } of given) {
          const value = read(exchange);
          if (typeof value === 'string') answer.headers.push(name, value);
          // A refused request often lacks the values, so this is not worth a log line.
          else if (exchange.code === undefined)
            log.warn('response-header-left-out', { id: exchange.id, header: name, error: value.why });
        }
      },
    };
  },
});
