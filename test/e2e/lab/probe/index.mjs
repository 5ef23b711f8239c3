// A function of somebody else beside Postern's layer: it knows the SOCKS5 port and the readiness endpoint, nothing more.
import http from 'node:http';
import net from 'node:net';

const socksPort = 1055;
const readinessPort = 1056;
const dialLimitMs = 1_000;
const answerLimitMs = 2_000;

/** `{ "ask": "/ready?within=1000" }` asks the tunnel's owner; `{ "url": "http://…" }` calls through the tunnel. */
export async function handler({ ask, url }) {
  const startedMs = performance.now();
  const answer =
    ask === undefined ? await get(new URL(url), await dial(new URL(url))) : await get(readiness(ask));
  return { ...answer, ms: performance.now() - startedMs };
}

function readiness(path) {
  return new URL(path, `http://127.0.0.1:${readinessPort}`);
}

function get(url, socket) {
  return new Promise((resolve, reject) => {
    // An agent, even none, would connect by itself.
    const options = socket === undefined ? { agent: false } : { createConnection: () => socket };
    const request = http.get(url, options, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      answer.on('end', () => resolve({ status: answer.statusCode, body: parse(text) }));
    });
    request.setTimeout(answerLimitMs, () => request.destroy(new Error('no answer in time')));
    request.on('error', reject);
  });
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** CONNECT by name without authentication (RFC 1928). */
function dial({ hostname, port }) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(socksPort, '127.0.0.1');
    const name = Buffer.from(hostname);
    const number = Number(port || 80);
    socket.on('error', reject);
    const timer = setTimeout(() => socket.destroy(new Error('the dial took too long')), dialLimitMs);
    socket.once('data', () => {
      const head = Buffer.from([5, 1, 0, 3, name.length]);
      socket.write(Buffer.concat([head, name, Buffer.from([number >> 8, number & 255])]));
      socket.once('data', ([, reply]) => {
        clearTimeout(timer);
        if (reply === 0) resolve(socket);
        else reject(new Error(`SOCKS5 reply ${reply}`));
      });
    });
    socket.write(Buffer.from([5, 1, 0]));
  });
}
