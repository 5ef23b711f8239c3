import { type Schema, s } from '../../base/schema/schema.ts';
import { refusals } from '../answer/refusal.ts';
import { next } from '../answer/verdict.ts';
import {
  type CompiledHeader,
  compileHeaders,
  type HeaderValues,
  headerName,
  headerValues,
} from '../plugin/header-edits.ts';
import { definePlugin } from '../plugin/plugin.ts';
import { editableHeader, whyNoEdit } from '../request/upstream-edits.ts';

interface Options {
  readonly set: HeaderValues;
  readonly add: HeaderValues;
  readonly remove: readonly string[];
  readonly own: readonly string[];
}

const name = headerName(whyNoEdit);

const shape: Schema<Options> = s.object({
  set: s.describe(
    headerValues(name),
    'Headers that the target gets in place of those of the same name: a string, or an expression that returns one.',
  ),
  add: s.describe(headerValues(name), 'Headers that the target gets behind those of the same name.'),
  remove: s.describe(s.withDefault(s.list(name), []), 'Headers that the target does not get.'),
  own: s.describe(
    s.withDefault(s.list(name), []),
    'Headers that no target gets from a client, on any route of the configuration.',
  ),
});

const refuse = refusals('request-headers', {
  value: [403, 'A header for the target could not be made'],
});

/**
 * Edits the headers that the target sees: removes, then sets, then adds.
 *
 * It runs after all plugins that decide, so that expressions can use their results.
 */
export const requestHeaders = definePlugin({
  name: 'request-headers',
  priority: 801,
  scopes: ['global', 'service', 'route', 'consumer'],
  options: s.refine(shape, function atLeastOne({ set, add, remove, own }) {
    const names = [...Object.keys(set), ...Object.keys(add), ...remove, ...own];
    return names.length === 0 ? 'name a header in set, add, remove or own' : undefined;
  }),
  refusals: refuse,
  ownsHeaders: ({ own }) => own,
  async create({ set, add, remove }, { compile }) {
    const edited = ({ name, read }: CompiledHeader) => ({ name, read, header: editableHeader(name) });
    const removing = remove.map(editableHeader);
    const setting = (await compileHeaders('set', set, compile)).map(edited);
    const adding = (await compileHeaders('add', add, compile)).map(edited);
    return {
      access(exchange) {
        const { toUpstream } = exchange;
        for (const header of removing) toUpstream.remove(header);
        for (const { name, read, header } of setting) {
          const value = read(exchange);
          if (typeof value !== 'string') return refuse.value(`set.${name}: ${value.why}`);
          toUpstream.set(header, value);
        }
        for (const { name, read, header } of adding) {
          const value = read(exchange);
          if (typeof value !== 'string') return refuse.value(`add.${name}: ${value.why}`);
          toUpstream.add(header, value);
        }
        return next;
      },
    };
  },
});
