import { after } from 'node:test';
import { call, type HttpAnswer, type HttpRequest } from './http.ts';
import { type HttpApi, type HttpApiOptions, type HttpApiRoute, startHttpApi } from './http-api.ts';
import type { HttpApiEvent } from './http-api-event.ts';
import { inProcess } from './in-process.ts';

const open: HttpApi[] = [];
after(() => Promise.all(open.map((api) => api.close())));

type Rest = Omit<HttpApiOptions, 'routes'>;

/** Starts an API on the loopback, which ends with the test file. */
export async function start(routes: readonly HttpApiRoute[], rest: Rest = {}): Promise<HttpApi> {
  const api = await startHttpApi({ host: '127.0.0.1', ...rest, routes });
  open.push(api);
  return api;
}

/** A function that answers with the event that it got. */
export const echo = inProcess(async (event: HttpApiEvent) => ({
  statusCode: 200,
  body: JSON.stringify(event),
}));

/** Sends one request to an API whose function returns `answer`, and gives the event that the function saw. */
export async function exchange(
  target: string,
  request: HttpRequest = {},
  answer: unknown = { statusCode: 200 },
  rest: Rest & { readonly key?: string } = {},
): Promise<{ readonly event: HttpApiEvent; readonly answer: HttpAnswer }> {
  const seen: HttpApiEvent[] = [];
  const invoke = inProcess(async (event: HttpApiEvent) => {
    seen.push(event);
    return answer;
  });
  const { key = '$default', ...options } = rest;
  const api = await start([{ key, invoke }], options);
  const got = await call(`http://127.0.0.1:${api.port}${target}`, request);
  return { event: seen[0] as HttpApiEvent, answer: got };
}

/** Status and text of an answer. */
export function statusAndText({ status, body }: HttpAnswer): readonly [status: number, text: string] {
  return [status, body.toString()];
}
