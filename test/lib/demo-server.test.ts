import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';

const program = join(import.meta.dirname, '..', '..', 'lib', 'demo', 'server.py');
const skip = spawnSync('python3', ['--version']).status === 0 ? false : 'needs python3 in PATH';

describe("the demo's web server", { skip }, () => {
  let server: ChildProcess;
  let port: number;
  let url: string;

  before(async () => {
    server = spawn('python3', ['-I', program, '--address', '127.0.0.1', '--port', '0'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const lines = createInterface({ input: server.stdout as NodeJS.ReadableStream });
    const [line] = (await once(lines, 'line')) as [string];
    port = Number(/^listening on 127\.0\.0\.1 port ([0-9]+)$/.exec(line)?.[1]);
    url = `http://127.0.0.1:${port}`;
  });
  after(async () => {
    server?.kill();
    await once(server, 'exit');
  });

  /** Sends bytes as they are, and gives all that comes back until the server closes. */
  async function sendRaw(text: string): Promise<string> {
    const socket = connect(port, '127.0.0.1').setEncoding('latin1');
    socket.end(text);
    let got = '';
    for await (const chunk of socket) got += chunk;
    return got;
  }

  const post = (path: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
    fetch(url + path, { method: 'POST', body, headers });

  test('serves a page that loads nothing from elsewhere, and says that it is alive', async () => {
    const answer = await fetch(`${url}/?a=b`);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('content-type'), 'text/html; charset=utf-8');
    assert.match(answer.headers.get('content-security-policy') ?? '', /default-src 'none'/);
    const page = await answer.text();
    assert.match(page, /<h1>You are through the postern<\/h1>/);
    assert.doesNotMatch(page, /src=|href=|@import|url\(/);
    assert.equal(await (await fetch(`${url}/healthz`)).text(), 'ok\n');
    assert.equal((await fetch(`${url}/other`)).status, 404);
  });

  test('answers a webhook with what it took, and shows it on the page', async () => {
    const answer = await post('/hooks/github?x=1', Buffer.alloc(70, 1), { 'x-github-event': 'push' });
    assert.deepEqual(
      [answer.status, await answer.json()],
      [200, { accepted: '/hooks/github?x=1', bytes: 70 }],
    );
    const page = await (await fetch(url)).text();
    assert.match(page, /<td>POST<td>\/hooks\/github\?x=1<td>push<td>70/);
  });

  test('shows what outsiders send as text, never as HTML', async () => {
    await post('/a', '', { 'x-any-event': '<script>alert(1)</script>' });
    await sendRaw('POST /<img/src=x> HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
    const page = await (await fetch(url)).text();
    assert.match(page, /&lt;script&gt;alert\(1\)&lt;\/script&gt;/);
    assert.match(page, /\/&lt;img\/src=x&gt;/);
    assert.doesNotMatch(page, /<script|<img/);
  });

  test('keeps the last twenty and no more', async () => {
    for (let index = 0; index < 30; index += 1) await post(`/many/${index}`, 'x');
    const page = await (await fetch(url)).text();
    assert.equal(page.match(/<tr><td>/g)?.length, 20);
    assert.match(page, /\/many\/29</);
    assert.doesNotMatch(page, /\/many\/9</);
  });

  test('takes a megabyte, and refuses one byte more without reading it', async () => {
    const answer = await post('/big', new Uint8Array(1024 * 1024));
    assert.deepEqual(await answer.json(), { accepted: '/big', bytes: 1024 * 1024 });
    const refused = await sendRaw('POST /big HTTP/1.1\r\nhost: a\r\ncontent-length: 1048577\r\n\r\n');
    assert.match(refused, /^HTTP\/1\.1 413 .*\r\nconnection: close\r\n/s);
  });

  test('refuses a body without a plain length, so that nothing can hide behind it', async () => {
    const lengths = [
      '',
      'transfer-encoding: chunked\r\n',
      'content-length: 5\r\ntransfer-encoding: chunked\r\n',
      'content-length: 5\r\ncontent-length: 6\r\n',
      'content-length: -1\r\n',
      'content-length: 1_0\r\n',
      'content-length: ٣\r\n',
    ];
    for (const length of lengths) {
      const raw = `POST / HTTP/1.1\r\nhost: a\r\n${length}\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: a\r\n\r\n`;
      const answer = await sendRaw(raw);
      assert.match(answer, /^HTTP\/1\.1 411 /, JSON.stringify(length));
      assert.equal(
        answer.match(/HTTP\/1\.1 /g)?.length,
        1,
        `answered what came after ${JSON.stringify(length)}`,
      );
    }
  });

  test('keeps a connection, and serves many at once', async () => {
    const idle = Array.from({ length: 20 }, () => connect(port, '127.0.0.1'));
    await Promise.all(idle.map((socket) => once(socket, 'connect')));
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
    for (const socket of idle) socket.destroy();
    const two = await sendRaw(
      'GET /healthz HTTP/1.1\r\nhost: a\r\n\r\nHEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
    );
    assert.equal(two.match(/HTTP\/1\.1 200 OK/g)?.length, 2);
    assert.doesNotMatch(two, /<html/);
  });

  test('listens on the one address that it is given', async () => {
    const refused = connect(port, '127.0.0.2');
    const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
    assert.equal(error.code, 'ECONNREFUSED');
  });

  for (const address of ['0.0.0.0', '::', '']) {
    test(`does not start on ${JSON.stringify(address)}, which is every address or none`, () => {
      const { status, stderr } = spawnSync('python3', ['-I', program, '--address', address, '--port', '0'], {
        encoding: 'utf8',
        timeout: 60_000,
      });
      assert.equal(status, 2);
      assert.match(stderr, /give one address, not all of them/);
    });
  }
});
