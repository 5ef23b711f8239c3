import { gatewayRefusals } from '../answer/refusal.ts';
import { next, notResponsible, type Verdict } from '../answer/verdict.ts';
import type { Exchange } from '../request/exchange.ts';
import type { Chain, Step } from './chain.ts';

/** What a step says that needs the body, in a run for which the body is gone. */
export type Recall = (step: Step, exchange: Exchange) => Verdict;

/**
 * Lets a request be judged a second time, under another configuration: a step that needs the body says what it said the first time, and
 * what it found out then counts again. One that is configured in another way, or did not run, refuses.
 */
export function recallFrom(before: Exchange, chain: Chain): Recall {
  return function recall(step, exchange) {
    const { plugin, identity, authenticates } = step;
    const earlier = chain.access.find((one) => one.plugin === plugin);
    const said = before.trail.find((entry) => entry.plugin === plugin);
    if (identity !== undefined && earlier?.identity === identity && said !== undefined) {
      if (said.result === 'not-responsible') return notResponsible(said.reason ?? '');
      if (said.result === 'next') {
        if (authenticates === 'subject') exchange.subject = before.subject;
        if (authenticates === 'device') exchange.device = before.device;
        if (Object.hasOwn(before.attributes, plugin)) exchange.attributes[plugin] = before.attributes[plugin];
        return next;
      }
    }
    return gatewayRefusals.stopping(`${plugin} would need the body again`);
  };
}
