import http from 'node:http';
import { hubAddress } from './network.ts';

/** One call that a function made to an API of AWS. */
export interface RecordedCall {
  /** Such as `secretsmanager:GetSecretValue`. */
  readonly action: string;
  /** The secret that it named, by name or ARN. */
  readonly secretId: string;
}

/** Stands between one function and moto, and writes down what the function asks for: moto itself lets everyone do everything. */
export interface Recorder {
  readonly url: string;
  readonly calls: readonly RecordedCall[];
  close(): Promise<void>;
}

export async function startRecorder(target: string): Promise<Recorder> {
  const calls: RecordedCall[] = [];
  const server = http.createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    const [service, operation] = String(request.headers['x-amz-target']).split('.');
    calls.push({ action: `${service}:${operation}`, secretId: JSON.parse(body.toString()).SecretId });
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
