import { call } from '../../../base/http/call.ts';
import type { Destination } from '../../../base/net/destination.ts';
import type { Clock } from '../../ports/clock.ts';
import { type ConnectCause, connectCauses, type Diagnosis } from './tunnel.ts';

/** What the endpoint said of the tunnel. The code is not narrowed: a newer extension may know more causes. */
export type EndpointAnswer =
  | { readonly ready: true; readonly epoch: number }
  | { readonly ready: false; readonly code: string; readonly detail: string };

/** What `within` may say; see tunnel.ts. */
const longestMs = 30_000;
/** What the way there and back may take on a slow processor: so much less the owner is given to wait. */
const travelShare = 0.1;
const mostTravelMs = 100;

/** Asks the tunnel's owner on its readiness endpoint (tunnel.ts says what is spoken there). */
export class TunnelEndpoint {
  readonly port: number;

  readonly #clock: Clock;

  constructor(port: number, clock: Clock) {
    this.port = port;
    this.#clock = clock;
  }

  /** Whether the tunnel is ready, as told within that time. @throws Error when nobody answers in time, or somebody else does */
  async ready(withinMs: number): Promise<EndpointAnswer> {
    const { status, body } = await this.#get('/ready', withinMs);
    if (status === 200 && body.ready === true && Number.isSafeInteger(body.epoch)) {
      return { ready: true, epoch: body.epoch as number };
    }
    if (status === 503 && body.ready === false && typeof body.code === 'string') {
      return { ready: false, code: body.code, detail: String(body.detail ?? body.title ?? '') };
    }
    throw new Error(`127.0.0.1:${this.port} answered ${status}, not as a readiness endpoint does`);
  }

  /** Why a connection fails. @throws Error when nobody answers in time, or with something else */
  async diagnose({ host, port }: Destination, withinMs: number): Promise<Diagnosis> {
    const target = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    const { status, body } = await this.#get(`/diagnose?target=${encodeURIComponent(target)}`, withinMs);
    if (status === 200 && typeof body.code === 'string' && Object.hasOwn(connectCauses, body.code)) {
      return { code: body.code as ConnectCause, detail: String(body.detail ?? '') };
    }
    throw new Error(`127.0.0.1:${this.port} answered ${status} and no diagnosis`);
  }

  async #get(path: string, withinMs: number): Promise<{ status: number; body: Record<string, unknown> }> {
    const travelMs = Math.min(mostTravelMs, withinMs * travelShare);
    const askedMs = Math.max(1, Math.min(longestMs, Math.floor(withinMs - travelMs)));
    const query = `${path.includes('?') ? '&' : '?'}within=${askedMs}`;
    const answer = await call({
      to: new URL(`http://127.0.0.1:${this.port}`),
      method: 'GET',
      path: path + query,
      timeoutMs: withinMs,
      clock: this.#clock,
    });
    const body: unknown = JSON.parse(answer.body);
    if (typeof body !== 'object' || body === null) throw new Error('the answer is not a JSON object');
    return { status: answer.status, body: body as Record<string, unknown> };
  }
}
