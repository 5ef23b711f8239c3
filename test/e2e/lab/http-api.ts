import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { gatewayAnswer, type HttpApiAnswer, internalError } from './http-api-answer.ts';
import { type Authorizer, type Decision, decider } from './http-api-authorizer.ts';
import type { LoggedRequest } from './http-api-context.ts';
import { type EventContext, type HttpApiEvent, makeEvent, splitTarget } from './http-api-event.ts';
import { type Invoke, type Invoked, integrate } from './http-api-integration.ts';
import { limits } from './http-api-limits.ts';
import { type AccessLog, accessLogger } from './http-api-log.ts';
import { findRoute, type RouteKey, withinStage } from './http-api-route.ts';
import { type Throttle, tokenBucket } from './http-api-throttle.ts';

export type { Invoke };

export interface HttpApiRoute {
  readonly key: RouteKey;
  readonly invoke: Invoke;
  readonly authorizer?: Authorizer;
  /** How long the function may take; 30,000 at AWS when the integration says nothing. */
  readonly limitMs?: number;
}

export interface HttpApiOptions {
  readonly routes: readonly HttpApiRoute[];
  /** Default: `$default`, the one stage whose name is not in the path. */
  readonly stage?: string;
  /** Default: every address of the machine. */
  readonly host?: string;
  readonly clock?: () => number;
  /** For each route by itself. Default: none. */
  readonly throttle?: Throttle;
  readonly accessLog?: AccessLog;
  /** For routes without a limit of their own. */
  readonly integrationLimitMs?: number;
  /** How long an authorizer may take; 10,000 at AWS. */
  readonly authorizerLimitMs?: number;
}

/** An HTTP API of Amazon API Gateway as a client and a function see it, without TLS. Its rules: http-api-rules.ts. */
export interface HttpApi {
  readonly port: number;
  /** For a client on this machine. */
  readonly url: string;
  close(): Promise<void>;
}

/** What one request came to. Without an event it reached no stage, and nothing is logged. */
interface Outcome {
  readonly answer: HttpApiAnswer;
  readonly logged?: LoggedRequest;
}

/** One route with all that was prepared for it. */
interface OpenRoute {
  readonly key: RouteKey;
  readonly take: () => boolean;
  readonly decide: ((event: HttpApiEvent) => Promise<Decision>) | undefined;
  integrate(payload: string): Promise<Invoked>;
}

/** Starts one on a free port. @throws Error for what an HTTP API would not take, such as an unknown variable in the log's format */
export async function startHttpApi(options: HttpApiOptions): Promise<HttpApi> {
  const { stage = '$default', clock = Date.now } = options;
  const routes = openRoutes(options, clock);
  const log = options.accessLog === undefined ? undefined : accessLogger(options.accessLog);

  async function handle(request: http.IncomingMessage): Promise<Outcome> {
    const nowMs = clock();
    if (headBytes(request) > limits.headBytes)
      return { answer: gatewayAnswer(431, 'Request Header Fields Too Large') };
    const body = await readBody(request);
    if (body === undefined) return { answer: gatewayAnswer(413, 'Request Entity Too Large') };
    const target = splitTarget(request.url ?? '/');
    if (target === undefined) return { answer: gatewayAnswer(400, 'Bad Request') };
    const path = withinStage(target.rawPath, stage);
    if (path === undefined) return { answer: gatewayAnswer(404, 'Not Found') };
    const found = findRoute(routes, request.method ?? '', path);
    const sourceIp = (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    const context: EventContext = {
      ...target,
      routeKey: found?.route.key ?? '',
      pathParameters: found?.pathParameters,
      ...{ stage, sourceIp, nowMs },
    };
    const event = makeEvent(request, body, context);
    if (found === undefined) return { answer: gatewayAnswer(404, 'Not Found'), logged: { event } };
    return serve(found.route, event);
  }

  function finish({ answer, logged }: Outcome, startedMs: number): HttpApiAnswer {
    if (logged === undefined) return answer;
    const { status, error, body } = answer;
    log?.({ ...logged, status, error, responseBytes: body.length, responseMs: clock() - startedMs });
    const id = logged.event.requestContext.requestId;
    return { ...answer, headers: [...answer.headers, 'apigw-requestid', id] };
  }

  const server = http.createServer({ maxHeaderSize: 64 * 1024 }, (request, response) => {
    const startedMs = clock();
    handle(request)
      .catch((): Outcome => ({ answer: internalError }))
      .then((outcome) => send(finish(outcome, startedMs), response));
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

/** Routes that name the same authorizer share what it remembers; each has a bucket of its own. */
function openRoutes(options: HttpApiOptions, clock: () => number): readonly OpenRoute[] {
  const { throttle, integrationLimitMs = limits.integrationMs, authorizerLimitMs } = options;
  const deciders = new Map<Authorizer, OpenRoute['decide']>();
  for (const { authorizer } of options.routes) {
    if (authorizer !== undefined && !deciders.has(authorizer))
      deciders.set(authorizer, decider(authorizer, clock, authorizerLimitMs ?? limits.authorizerMs));
  }
  return options.routes.map(({ key, invoke, authorizer, limitMs = integrationLimitMs }) => ({
    key,
    take: throttle === undefined ? () => true : tokenBucket(throttle, clock),
    decide: authorizer === undefined ? undefined : deciders.get(authorizer),
    integrate: (payload) => integrate(invoke, payload, limitMs),
  }));
}

async function serve(route: OpenRoute, event: HttpApiEvent): Promise<Outcome> {
  if (!route.take()) return { answer: gatewayAnswer(429, 'Too Many Requests'), logged: { event } };
  const decision = await route.decide?.(event);
  const logged: LoggedRequest = { event, authorizer: decision };
  const refusal = decision === undefined ? undefined : refuse(decision);
  if (refusal !== undefined) return { answer: refusal, logged };
  const payload = JSON.stringify(withDecision(event, decision));
  // Lambda refuses such an event with 413 (API_Invoke, RequestTooLargeException).
  if (Buffer.byteLength(payload) > limits.invokeBytes)
    return { answer: gatewayAnswer(413, 'Request Entity Too Large'), logged };
  const { answer, integration } = await route.integrate(payload);
  return { answer, logged: { ...logged, integration } };
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

function send(answer: HttpApiAnswer, response: http.ServerResponse): void {
  const mayHaveBody = answer.status !== 204 && answer.status !== 304;
  const length = mayHaveBody ? ['content-length', String(answer.body.length)] : [];
  response.writeHead(answer.status, [...answer.headers, ...length]);
  response.end(mayHaveBody ? answer.body : undefined);
}
