import http from 'node:http';
import { hubAddress } from './network.ts';
import { accessDenied } from './secrets.ts';

/** One call that a function made to an API of AWS. */
export interface RecordedCall {
  /** Such as `secretsmanager:GetSecretValue`. */
  readonly action: string;
  /** The secret that it named, by name or ARN. */
  readonly secretId: string | undefined;
}

/**
 * Stands between one function and moto, writes down what the function asks for, and refuses what it may not do as AWS does: moto
 * itself lets everyone do everything.
 */
export interface Recorder {
  readonly url: string;
  readonly calls: readonly RecordedCall[];
  close(): Promise<void>;
}

export async function startRecorder(
  target: string,
  mayCall: (call: RecordedCall) => Promise<boolean>,
): Promise<Recorder> {
  const calls: RecordedCall[] = [];

  async function handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const body = Buffer.concat(await request.toArray());
    const [service, operation] = String(request.headers['x-amz-target']).split('.');
    const call = { action: `${service}:${operation}`, secretId: JSON.parse(body.toString()).SecretId };
    calls.push(call);
    if (!(await mayCall(call))) return deny(response, call);
    const onward = http.request(target, {
      method: request.method,
      path: request.url,
      headers: request.headers,
    });
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    onward.end(body);
  }

  const server = http.createServer((request, response) => {
    handle(request, response).catch((error: Error) => response.destroy(error));
  });
  await new Promise<void>((resolve) => server.listen(0, hubAddress, resolve));
  return {
    url: `http://${hubAddress}:${(server.address() as { port: number }).port}`,
    calls,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function deny(response: http.ServerResponse, { action }: RecordedCall): void {
  const { code, status, message } = accessDenied;
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-errortype': code });
  response.end(JSON.stringify({ __type: code, Message: message.replace(/secretsmanager:\w+/, action) }));
}
