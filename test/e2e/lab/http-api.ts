import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { gatewayAnswer, type HttpApiAnswer, internalError, makeAnswer } from './http-api-answer.ts';
import { type Authorizer, type Decision, decider } from './http-api-authorizer.ts';
import { type HttpApiEvent, makeEvent, splitTarget } from './http-api-event.ts';
import { findRoute, type RouteKey } from './http-api-route.ts';

/** Sends an event to a function, wherever it runs, and gives what came back. */
export type Invoke = (
  payload: string,
) => Promise<{ readonly payload: string; readonly functionError: boolean }>;

export interface HttpApiRoute {
  readonly key: RouteKey;
  readonly invoke: Invoke;
  readonly authorizer?: Authorizer;
}

export interface HttpApiOptions {
  readonly routes: readonly HttpApiRoute[];
  /** Default: `$default`, the one stage whose name is not in the path. */
  readonly stage?: string;
  /** Default: every address of the machine. */
  readonly host?: string;
  readonly clock?: () => number;
  /** How long a function may take; 30,000 at AWS. */
  readonly integrationLimitMs?: number;
}

/** An HTTP API of Amazon API Gateway as a client and a function see it, without TLS. */
export interface HttpApi {
  readonly port: number;
  /** For a client on this machine. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * The limits that cannot be raised.
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html and, for the event that a function
 * gets and the answer it gives, https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
export const limits = {
  bodyBytes: 10 * 1024 * 1024,
  headBytes: 10_240,
  integrationMs: 30_000,
  invokeBytes: 6 * 1024 * 1024,
} as const;

/** Starts one on a free port. */
export async function startHttpApi(options: HttpApiOptions): Promise<HttpApi> {
  const { stage = '$default', clock = Date.now, integrationLimitMs = limits.integrationMs } = options;
  const deciders = new Map<Authorizer, (event: HttpApiEvent) => Promise<Decision>>();
  for (const { authorizer } of options.routes) {
    if (authorizer !== undefined) deciders.set(authorizer, decider(authorizer, clock));
  }

  async function handle(request: http.IncomingMessage): Promise<HttpApiAnswer> {
    if (headBytes(request) > limits.headBytes) return gatewayAnswer(431, 'Request Header Fields Too Large');
    const body = await readBody(request);
    if (body === undefined) return gatewayAnswer(413, 'Request Entity Too Large');
    const target = splitTarget(request.url ?? '/');
    if (target === undefined) return gatewayAnswer(400, 'Bad Request');
    const path = withinStage(target.rawPath, stage);
    const found = path === undefined ? undefined : findRoute(options.routes, request.method ?? '', path);
    if (found === undefined) return gatewayAnswer(404, 'Not Found');
    const { route, pathParameters } = found;
    const sourceIp = (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    const context = { ...target, routeKey: route.key, pathParameters, stage, sourceIp, nowMs: clock() };
    const event = makeEvent(request, body, context);
    const decision = await (route.authorizer === undefined
      ? undefined
      : deciders.get(route.authorizer)?.(event));
    const refusal = decision === undefined ? undefined : refuse(decision);
    if (refusal !== undefined) return refusal;
    const payload = JSON.stringify(withDecision(event, decision));
    // Lambda refuses such an event with 413 (API_Invoke, RequestTooLargeException).
    if (Buffer.byteLength(payload) > limits.invokeBytes)
      return gatewayAnswer(413, 'Request Entity Too Large');
    const answer = await integrate(route.invoke, payload, integrationLimitMs);
    return { ...answer, headers: [...answer.headers, 'apigw-requestid', event.requestContext.requestId] };
  }

  const server = http.createServer({ maxHeaderSize: 64 * 1024 }, (request, response) => {
    handle(request)
      .catch(() => internalError)
      .then((answer) => send(answer, response));
  });
  await new Promise<void>((resolve) => server.listen(0, options.host, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}${stage === '$default' ? '' : `/${stage}`}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function integrate(invoke: Invoke, payload: string, limitMs: number): Promise<HttpApiAnswer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<HttpApiAnswer>((resolve) => {
    // The function goes on running; nobody waits for it (cortexlabs/cortex/issues/1225 shows the answer).
    timer = setTimeout(() => resolve(gatewayAnswer(503, 'Service Unavailable')), limitMs);
  });
  const asked = invoke(payload).then(({ payload: answer, functionError }) =>
    functionError || Buffer.byteLength(answer) > limits.invokeBytes ? internalError : makeAnswer(answer),
  );
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}

function refuse(decision: Decision): HttpApiAnswer | undefined {
  if (decision.kind === 'missing-identity') return gatewayAnswer(401, 'Unauthorized');
  if (decision.kind === 'deny') return gatewayAnswer(403, 'Forbidden');
  if (decision.kind === 'failed') return internalError;
  return undefined;
}

function withDecision(event: HttpApiEvent, decision: Decision | undefined): HttpApiEvent {
  if (decision?.kind !== 'allow') return event;
  const requestContext = { ...event.requestContext, authorizer: { lambda: decision.context } };
  return { ...event, requestContext };
}

async function readBody(request: http.IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // Read to the end, so that the client is there to hear the answer.
    if (bytes <= limits.bodyBytes) chunks.push(chunk);
  }
  return bytes > limits.bodyBytes ? undefined : Buffer.concat(chunks);
}

function headBytes(request: http.IncomingMessage): number {
  const line = `${request.method} ${request.url} HTTP/1.1`.length;
  return request.rawHeaders.reduce((sum, part, at) => sum + (at % 2 === 0 ? 0 : part.length), line);
}

/** The path below the stage's name, or undefined when the path does not begin with it. */
function withinStage(path: string, stage: string): string | undefined {
  if (stage === '$default') return path;
  if (path === `/${stage}`) return '/';
  return path.startsWith(`/${stage}/`) ? path.slice(stage.length + 1) : undefined;
}

function send(answer: HttpApiAnswer, response: http.ServerResponse): void {
  const mayHaveBody = answer.status !== 204 && answer.status !== 304;
  const length = mayHaveBody ? ['content-length', String(answer.body.length)] : [];
  response.writeHead(answer.status, [...answer.headers, ...length]);
  response.end(mayHaveBody ? answer.body : undefined);
}
