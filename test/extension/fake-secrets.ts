import http from 'node:http';
import { listen, readBody } from '../tunnel/listen.ts';

export interface SecretsAnswer {
  readonly status: number;
  readonly body: object | string;
}

/** A server in the place of Secrets Manager: each call takes the next answer; the last one stays. */
export class FakeSecrets {
  readonly requests: { readonly headers: http.IncomingHttpHeaders; readonly body: string }[] = [];
  answers: (SecretsAnswer | 'hang up' | 'silence')[];
  url = '';
  readonly #server: http.Server;

  constructor(...answers: (SecretsAnswer | 'hang up' | 'silence')[]) {
    this.answers = answers;
    this.#server = http.createServer((request, response) => void this.#handle(request, response));
  }

  async start(host = '127.0.0.1'): Promise<this> {
    this.url = `http://${host}:${await listen(this.#server, host)}`;
    return this;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    this.requests.push({ headers: request.headers, body: await readBody(request) });
    const answer = this.answers.length > 1 ? this.answers.shift() : this.answers[0];
    if (answer === 'silence') return;
    if (answer === undefined || answer === 'hang up') {
      request.socket.destroy();
      return;
    }
    const body = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
    response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.1' }).end(body);
  }
}

/** What Secrets Manager answers when it holds this text. */
export function secretText(text: string): SecretsAnswer {
  return { status: 200, body: { Name: 'postern/key', SecretString: text, VersionStages: ['AWSCURRENT'] } };
}

/** What Secrets Manager answers when it refuses. */
export function secretError(status: number, type: string, message: string): SecretsAnswer {
  return { status, body: { __type: type, message } };
}
