import { s } from '../../base/schema/schema.ts';
import { refusals } from '../answer/refusal.ts';
import { next } from '../answer/verdict.ts';
import { definePlugin } from '../plugin/plugin.ts';

const refuse = refusals('size-limit', {
  'too-large': [413, 'The body is too large'],
});

/**
 * Limits the body of a request, whether it is read or only forwarded.
 *
 * A declared length is refused from the head, before any plugin asks for the body. A body without one is cut off as soon as it
 * exceeds the limit.
 */
export const sizeLimit = definePlugin({
  name: 'size-limit',
  priority: 2900,
  scopes: ['global', 'service', 'route', 'consumer'],
  options: s.object({
    max: s.describe(s.size(), 'The largest allowed body. On AWS a body never exceeds 10MiB.'),
  }),
  refusals: refuse,
  create({ max }) {
    return {
      maxBodyBytes: max,
      access({ bodySize }) {
        return bodySize > max ? refuse['too-large'](`${bodySize} bytes, the limit is ${max}`) : next;
      },
    };
  },
});
