import { s } from '../../base/schema/schema.ts';
import { refusals } from '../answer/refusal.ts';
import { next } from '../answer/verdict.ts';
import { EvaluationError, StepLimitExceeded } from '../expression/index.ts';
import { definePlugin } from '../plugin/plugin.ts';

const refuse = refusals('authorize', {
  denied: [403, 'The policy does not allow this request'],
  error: [403, 'The policy could not be evaluated for this request'],
});

/** Allows a request if an expression is true; docs/expressions.md lists the names and functions. */
export const authorize = definePlugin({
  name: 'authorize',
  priority: 950,
  guard: { restricts: true },
  scopes: ['global', 'service', 'route', 'consumer'],
  options: s.object({
    allow: s.describe(
      s.string(),
      'An expression in CEL that gives a boolean. False refuses, and so does an error while it is evaluated.',
    ),
  }),
  refusals: refuse,
  async create({ allow }, { compile }) {
    const allows = await compile(allow, 'boolean', ['allow']);
    return {
      admitsAll: allows.constant === true,
      access(exchange) {
        try {
          return allows(exchange) ? next : refuse.denied();
        } catch (error) {
          if (error instanceof EvaluationError || error instanceof StepLimitExceeded)
            return refuse.error(error.message);
          throw error;
        }
      },
    };
  },
});
