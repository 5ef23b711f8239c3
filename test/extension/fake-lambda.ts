import http from 'node:http';
import { listen, readBody } from '../tunnel/listen.ts';

export interface RecordedCall {
  readonly method: string;
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** A server that speaks the Extensions API: it registers, keeps who asks for the next event waiting, and records all calls. */
export class FakeLambda {
  readonly calls: RecordedCall[] = [];
  readonly #server: http.Server;
  #waiting: http.ServerResponse[] = [];
  #onCall: (() => void)[] = [];
  api = '';

  constructor() {
    this.#server = http.createServer((request, response) => void this.#handle(request, response));
  }

  async start(host = '127.0.0.1'): Promise<this> {
    this.api = `${host}:${await listen(this.#server, host)}`;
    return this;
  }

  /** The body of the first call to that path, as soon as there is one. */
  async called(path: string): Promise<RecordedCall> {
    for (;;) {
      const found = this.calls.find((call) => call.path.endsWith(path));
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#onCall.push(resolve));
    }
  }

  /** Gives an event to the process that asked for the next one. */
  event(event: object): void {
    for (const response of this.#waiting.splice(0)) answer(response, 200, event);
  }

  shutdown(withinMs: number): void {
    this.event({ eventType: 'SHUTDOWN', shutdownReason: 'spindown', deadlineMs: Date.now() + withinMs });
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const body = await readBody(request);
    const path = request.url ?? '';
    this.calls.push({ method: request.method ?? '', path, headers: request.headers, body });
    for (const tell of this.#onCall.splice(0)) tell();
    if (path.endsWith('/register')) {
      response.setHeader('lambda-extension-identifier', 'identifier-1');
      answer(response, 200, { functionName: 'f', functionVersion: '1', handler: 'h' });
    } else if (request.headers['lambda-extension-identifier'] !== 'identifier-1') {
      answer(response, 403, { errorType: 'Extension.UnknownExtensionIdentifier' });
    } else if (path.endsWith('/event/next')) {
      this.#waiting.push(response);
    } else {
      answer(response, 202, { status: 'OK' });
    }
  }
}

function answer(response: http.ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
