import { call } from '../../../base/http/call.ts';
import type { Destination } from '../../../base/net/destination.ts';
import type { Clock } from '../../ports/clock.ts';
import { type ConnectCause, connectCauses, type Diagnosis } from './tunnel.ts';

/** The endpoint's answer about the tunnel. The code is not narrowed: a newer extension may have more causes. */
export type EndpointAnswer =
  | { readonly ready: true; readonly epoch: number }
  | { readonly ready: false; readonly code: string; readonly detail: string };

/** The limit of `within`; see tunnel.ts. */
const longestMs = 30_000;
/** The share of the time reserved for the connection to the owner and back, on a slow processor. */
const travelShare = 0.1;
const mostTravelMs = 100;

/** Asks the tunnel's owner on its readiness endpoint; tunnel.ts describes the protocol. */
export class TunnelEndpoint {
  readonly port: number;

  readonly #clock: Clock;

  constructor(port: number, clock: Clock) {
    this.port = port;
    this.#clock = clock;
  }

  /** Whether the tunnel is ready. @throws Error if no answer arrives in time, or something else answers */
  async ready(withinMs: number): Promise<EndpointAnswer> {
    const { status, body } = await this.#get('/ready', withinMs);
    if (status === 200 && body.ready === true && Number.isSafeInteger(body.epoch)) {
      return { ready: true, epoch: body.epoch as number };
    }
    if (status === 503 && body.ready === false && typeof body.code === 'string') {
      return { ready: false, code: body.code, detail: String(body.detail ?? body.title ?? '') };
    }
    throw new Error(
      `127.0.0.1:${this.port} answered ${status}, which is not an answer of the readiness endpoint`,
    );
  }

  /** Why a connection fails. @throws Error if no answer arrives in time, or something else answers */
  async diagnose({ host, port }: Destination, withinMs: number): Promise<Diagnosis> {
    const target = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    const { status, body } = await this.#get(`/diagnose?target=${encodeURIComponent(target)}`, withinMs);
    if (status === 200 && typeof body.code === 'string' && Object.hasOwn(connectCauses, body.code)) {
      return { code: body.code as ConnectCause, detail: String(body.detail ?? '') };
    }
    throw new Error(`127.0.0.1:${this.port} answered ${status} without a diagnosis`);
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
