import type { Assumptions } from './assumptions.ts';
import type { Demo } from './deployment.ts';
import { type Line, priced, type Use } from './model.ts';
import { type PriceId, prices } from './prices.ts';

// What is not part of the month: the edge, which is a choice, and the demo, which lives for hours.

/** CloudFront and a web ACL in front. The API's own data out then goes to CloudFront, which costs nothing; it is left in the month. */
export function edgeLines({ requests, answerBytes, edgeRules }: Assumptions): readonly Line[] {
  const answers = (requests * answerBytes) / 1e9;
  const uses: readonly Use[] = [
    { what: 'CloudFront, requests', grows: true, quantity: requests, price: 'cloudfront-request' },
    { what: 'CloudFront, data out', grows: true, quantity: answers, price: 'cloudfront-out' },
    { what: 'AWS WAF, requests', grows: true, quantity: requests, price: 'waf-request' },
    { what: 'AWS WAF, web ACL', grows: false, quantity: 1, price: 'waf-acl' },
    { what: 'AWS WAF, rules', grows: false, quantity: edgeRules, price: 'waf-rule' },
  ];
  return priced(uses);
}

/** The demo for a whole month; @throws Error when it has an instance without a price */
export function demoLines(demo: Demo, { hours, demoGb }: Assumptions): readonly Line[] {
  const use = (what: string, quantity: number, price: PriceId): Use => ({
    ...{ what, grows: false, quantity, price },
  });
  return priced([
    use('NAT gateway', demo.natGateways * hours, 'nat-hour'),
    use('What passes through it', demoGb, 'nat-gb'),
    use('Its public IPv4 address', demo.addresses * hours, 'public-ipv4-hour'),
    ...demo.instances.map((type) => use(`Instance ${type}`, hours, instancePrice(type))),
    use('Its volume', demo.volumeGb, 'gp3'),
    use('Its detailed metrics', demo.metrics, 'metric'),
    use('Data out', demoGb, 'transfer-out'),
  ]);
}

function instancePrice(type: string): PriceId {
  const id = `${type}-hour`;
  if (!Object.hasOwn(prices, id)) throw new Error(`cost/prices.json has no price for an instance ${type}`);
  return id as PriceId;
}
