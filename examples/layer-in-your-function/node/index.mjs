import http from 'node:http';
import { tailnetAgent, tailnetDispatcher } from 'postern/tailnet';

// TARGET_URL is a service in the tailnet, such as http://builder.example.ts.net:8080.
const target = process.env.TARGET_URL;

// Made once, outside the handler, so that connections are kept from one invocation to the next.
const dispatcher = tailnetDispatcher();
const agent = tailnetAgent();

export async function handler(event) {
  try {
    const answer = await postWithFetch('/builds', event.body ?? '{}');
    const health = await getWithNodeHttp('/health');
    return reply(200, { answer, health });
  } catch (error) {
    // fetch wraps the cause; its code is stable, such as upstream:target-offline or upstream:tunnel-not-ready.
    const { code = 'unknown', message } = error.cause ?? error;
    console.error(message);
    return reply(502, { code });
  }
}

/** Node's own fetch; undici's functions take the dispatcher in the same way. */
async function postWithFetch(path, body) {
  const response = await fetch(new URL(path, target), { method: 'POST', body, dispatcher });
  return response.text();
}

/** node:http, and clients that take one of its agents: axios ({ httpAgent: agent, httpsAgent: agent }), got, the AWS SDK. */
function getWithNodeHttp(path) {
  return new Promise((resolve, reject) => {
    const request = http.get(new URL(path, target), { agent }, async (response) => {
      resolve({ status: response.statusCode, text: Buffer.concat(await response.toArray()).toString() });
    });
    request.on('error', reject);
  });
}

function reply(statusCode, body) {
  return { statusCode, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}
