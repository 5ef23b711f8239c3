import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after } from 'node:test';

export interface SeenCall {
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

export type FakeAnswer = { readonly status: number; readonly body: string } | 'hang' | 'reset';

export interface FakeAws {
  readonly url: string;
  readonly seen: SeenCall[];
  /** What the next calls get, in turn; the last one stays. */
  answers: FakeAnswer[];
}

/** An endpoint on a real socket that answers as told. It ends with the test file. */
export async function startFakeAws(): Promise<FakeAws> {
  const fake: { url: string; seen: SeenCall[]; answers: FakeAnswer[] } = { url: '', seen: [], answers: [] };
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    fake.seen.push({ headers: request.headers, body: JSON.parse(text) });
    const answer = (fake.answers.length > 1 ? fake.answers.shift() : fake.answers[0]) ?? 'reset';
    if (answer === 'reset') return request.socket.destroy();
    if (answer === 'hang') return;
    response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.1' }).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  fake.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  return fake;
}

export function ok(value: unknown): FakeAnswer {
  return { status: 200, body: JSON.stringify(value) };
}

export function refused(type: string, message: string, status = 400): FakeAnswer {
  return { status, body: JSON.stringify({ __type: `com.amazon.coral.service#${type}`, message }) };
}
