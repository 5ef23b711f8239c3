import type { Gateway } from '../../gateway/index.ts';
import { HeadBody } from '../head-body.ts';
import { declaredBytes, incomingRequest } from '../request.ts';
import { type AccessCheck, authorizerRefusals } from './authorizer.ts';

/** Where the gateway comes from; undefined while it cannot be loaded, for the reasons in `problems`. */
export interface GatewaySource {
  readonly problems: readonly string[];
  get(): Promise<Gateway | undefined>;
}

/**
 * Admits what all the plugins of a gateway admit that need only the head.
 *
 * A reply that is an answer and not a refusal, such as one to a challenge, is admitted: the forwarder sends it.
 */
export function createPolicyCheck(source: GatewaySource): AccessCheck {
  return async function decide(event, deadlineMs) {
    const gateway = await source.get();
    if (gateway === undefined) return authorizerRefusals.misconfigured(source.problems.join('\n'));
    const body = new HeadBody(declaredBytes(event));
    const { reply } = await gateway.decide(incomingRequest(event, body, deadlineMs));
    return reply?.kind === 'refuse' ? reply : undefined;
  };
}
