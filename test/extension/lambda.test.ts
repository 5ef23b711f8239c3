import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { errorType, Lambda } from '../../extension/lambda.ts';
import { TunnelError } from '../../tunnel/causes.ts';
import { listen } from '../tunnel/listen.ts';
import { FakeLambda } from './fake-lambda.ts';

test('it registers for the end of the sandbox and for no invocation', async (t) => {
  const fake = await new FakeLambda().start();
  t.after(() => fake.close());
  await Lambda.register(fake.api, 'postern');
  const [register] = fake.calls;
  assert.equal(register?.path, '/2020-01-01/extension/register');
  assert.equal(register?.headers['lambda-extension-name'], 'postern');
  assert.deepEqual(JSON.parse(register?.body ?? ''), { events: ['SHUTDOWN'] });
});

test('it waits on through any other event until the sandbox ends', async (t) => {
  const fake = await new FakeLambda().start();
  t.after(() => fake.close());
  const lambda = await Lambda.register(fake.api, 'postern');
  const shutdown = lambda.shutdown();
  await fake.called('/event/next');
  fake.event({ eventType: 'INVOKE', deadlineMs: 1 });
  while (fake.calls.length < 3) await new Promise((resolve) => setTimeout(resolve, 2));
  fake.event({ eventType: 'SHUTDOWN', shutdownReason: 'spindown', deadlineMs: 123 });
  assert.deepEqual(await shutdown, { reason: 'spindown', deadlineMs: 123 });
});

test('a failure of init is told with its type and its words', async (t) => {
  const fake = await new FakeLambda().start();
  t.after(() => fake.close());
  const lambda = await Lambda.register(fake.api, 'postern');
  await lambda.initError(new TunnelError('tunnel:key-expired', 'It expired.'));
  const told = await fake.called('/init/error');
  assert.equal(told.headers['lambda-extension-function-error-type'], 'Extension.KeyExpired');
  assert.deepEqual(JSON.parse(told.body), {
    errorMessage: 'It expired.',
    errorType: 'Extension.KeyExpired',
    stackTrace: [],
  });
});

test('outside Lambda it says what it is', async () => {
  await assert.rejects(Lambda.register(undefined, 'postern'), /is a Lambda extension/);
});

test('a refused registration says what Lambda answered', async (t) => {
  const server = http.createServer((_, response) =>
    response.writeHead(403).end('{"errorType":"Extension.Unknown"}'),
  );
  const port = await listen(server);
  t.after(() => server.close());
  await assert.rejects(Lambda.register(`127.0.0.1:${port}`, 'x'), /403 to register: .*Extension\.Unknown/);
});

test('the error type for Lambda is the code in one word', () => {
  assert.equal(errorType(new TunnelError('tunnel:secret-forbidden', '')), 'Extension.SecretForbidden');
  assert.equal(errorType(new TunnelError('tunnel:misconfigured', '')), 'Extension.Misconfigured');
});
