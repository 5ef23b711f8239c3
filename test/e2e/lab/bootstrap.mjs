#!/var/lang/bin/node
// The smallest Node runtime that keeps the rules of the Lambda Runtime API: one function, one event at a time.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

// Required, as in AWS's own client of that API (RAPIDClient.js): an import reads all its exports, and one of them loads the
// whole of fetch, which is 25 ms of a cold start.
const http = process.getBuiltinModule('node:http');

const { AWS_LAMBDA_RUNTIME_API, LAMBDA_TASK_ROOT, _HANDLER, AWS_LAMBDA_FUNCTION_NAME } = process.env;
const [hostname, port] = AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function ask(method, path, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const options = { agent, hostname, port, method, path: `/2018-06-01/runtime/${path}`, headers };
    const request = http.request(options, (answer) => {
      const chunks = [];
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.on('end', () => resolve({ headers: answer.headers, body: Buffer.concat(chunks).toString() }));
    });
    request.on('error', reject).end(body);
  });
}

function fail(path, error) {
  const {
    name: errorType,
    message: errorMessage,
    stack = '',
  } = error instanceof Error ? error : new Error(error);
  console.error(JSON.stringify({ level: 'ERROR', errorType, errorMessage, trace: stack.split('\n') }));
  const headers = { 'lambda-runtime-function-error-type': 'Unhandled' };
  return ask('POST', path, JSON.stringify({ errorType, errorMessage, trace: stack.split('\n') }), headers);
}

async function load() {
  const [file, name] = _HANDLER.split('.');
  const handler = (await import(`${LAMBDA_TASK_ROOT}/${file}.mjs`))[name];
  if (typeof handler !== 'function') throw new Error(`${_HANDLER} is undefined or not exported`);
  return handler;
}

async function serve(handler) {
  for (;;) {
    const { headers, body } = await ask('GET', 'invocation/next');
    const awsRequestId = headers['lambda-runtime-aws-request-id'];
    const deadlineMs = Number(headers['lambda-runtime-deadline-ms']);
    const context = {
      awsRequestId,
      functionName: AWS_LAMBDA_FUNCTION_NAME,
      invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
      getRemainingTimeInMillis: () => deadlineMs - Date.now(),
    };
    try {
      const answer = JSON.stringify((await handler(JSON.parse(body), context)) ?? null);
      await ask('POST', `invocation/${awsRequestId}/response`, answer);
    } catch (error) {
      await fail(`invocation/${awsRequestId}/error`, error);
    }
  }
}

try {
  await serve(await load());
} catch (error) {
  await fail('init/error', error);
  process.exit(1);
}
