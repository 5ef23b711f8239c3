import { messageOf } from '../base/message-of.ts';
import { normalizeIp } from '../base/net/address.ts';
import { refusals } from '../gateway/index.ts';
import { edgeHeaders } from './edge-headers.ts';
import type { EventOrReply, HttpApiEvent } from './payload.ts';

/** Checks that a request came through the edge, and restores the client's address and host. Never throws. */
export type EdgeCheck = (event: HttpApiEvent) => Promise<EventOrReply>;

export const edgeRefusals = refusals('edge', {
  missing: [403, 'The request did not come through the edge'],
  wrong: [403, 'The request did not come through the edge'],
  address: [403, "The client's address is not known"],
  unreadable: [503, 'The secret of the edge cannot be read'],
});

/** Whether a text is one of the secrets that the edge may show; compared in constant time. */
export interface EdgeProof {
  matches(shown: string): Promise<boolean>;
}

/**
 * Makes the check for requests through CloudFront. A request without the secret is refused. In the others, CloudFront's headers with
 * the client's address and host replace CloudFront's own address and host.
 *
 * A repeated header arrives as one value joined by commas, which does not equal a secret.
 */
export function createEdgeCheck(proof: EdgeProof): EdgeCheck {
  return async function checkEdge(event) {
    const shown = event.headers[edgeHeaders.secret];
    if (shown === undefined || shown === '') return { reply: edgeRefusals.missing(`from ${peerOf(event)}`) };
    try {
      if (!(await proof.matches(shown))) return { reply: edgeRefusals.wrong(`from ${peerOf(event)}`) };
    } catch (error) {
      return { reply: edgeRefusals.unreadable(messageOf(error)) };
    }
    const address = viewerAddress(event);
    if (address === undefined) return { reply: edgeRefusals.address(describeChain(event)) };
    return { event: asSent(event, address) };
  };
}

/**
 * The client's address: the last but one of X-Forwarded-For.
 *
 * CloudFront appends the address that connected to it, API Gateway then that of CloudFront, which is the event's own; what the
 * client itself wrote comes before both. If the last one is not the event's own, somebody else has appended, and no address is believed.
 * Source: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/RequestAndResponseBehaviorCustomOrigin.html#RequestCustomIPAddresses
 */
function viewerAddress({ headers, requestContext }: HttpApiEvent): string | undefined {
  const chain = (headers['x-forwarded-for'] ?? '').split(',');
  const last = normalizeIp(chain.at(-1)?.trim());
  if (last === undefined || last !== normalizeIp(requestContext.http.sourceIp)) return undefined;
  return normalizeIp(chain.at(-2)?.trim());
}

/** What CloudFront adds for itself; the target does not need it, and a client may have written it. */
const edgesOwn = /^(?:cloudfront-|x-amz-cf-)/;

function asSent(event: HttpApiEvent, address: string): HttpApiEvent {
  const { [edgeHeaders.secret]: _secret, [edgeHeaders.host]: asked, ...others } = event.headers;
  const headers = Object.fromEntries(Object.entries(others).filter(([name]) => !edgesOwn.test(name)));
  const { requestContext } = event;
  return {
    ...event,
    headers: asked === undefined ? headers : { ...headers, host: asked },
    requestContext: {
      ...requestContext,
      ...(asked !== undefined && { domainName: asked }),
      http: { ...requestContext.http, sourceIp: address },
    },
  };
}

function peerOf({ requestContext }: HttpApiEvent): string {
  return requestContext.http.sourceIp;
}

function describeChain(event: HttpApiEvent): string {
  const chain = event.headers['x-forwarded-for'] ?? '';
  return `x-forwarded-for is ${JSON.stringify(chain.slice(0, 200))}, the connection ${peerOf(event)}; expected …, CLIENT, CONNECTION`;
}
