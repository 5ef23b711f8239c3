import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { EdgeSecret, readEdgeSecret } from '../../functions/edge-secret.ts';
import { listLog } from './gateways.ts';

const text64 = (letter: string) => letter.repeat(64);

/** A secret whose values and clock the test moves. */
function keep(first: readonly string[]) {
  const { log, lines } = listLog();
  const state = { values: first, nowMs: 0, reads: 0, failure: undefined as Error | undefined };
  const secret = new EdgeSecret({
    async read() {
      state.reads += 1;
      if (state.failure !== undefined) throw state.failure;
      return state.values.map((value) => Buffer.from(value));
    },
    now: () => state.nowMs,
    log,
  });
  return { secret, state, lines };
}

test('the current value and the one before count, and no other', async () => {
  const { secret, state } = keep([text64('b'), text64('a')]);
  assert.equal(await secret.matches(text64('b')), true);
  assert.equal(await secret.matches(text64('a')), true);
  for (const wrong of [text64('c'), '', 'b', `${text64('b')}b`, `${text64('a')},${text64('b')}`])
    assert.equal(await secret.matches(wrong), false, wrong);
  assert.equal(state.reads, 1);
});

test('a value that was put meanwhile counts as soon as it is shown, and one that was replaced twice no more', async () => {
  const { secret, state } = keep([text64('a')]);
  assert.equal(await secret.matches(text64('a')), true);
  state.values = [text64('c'), text64('b')];
  state.nowMs = 30_000;
  assert.equal(await secret.matches(text64('c')), true);
  assert.equal(await secret.matches(text64('a')), false);
  assert.equal(state.reads, 2);
});

test('however many wrong ones are shown, it is read twice a minute at most', async () => {
  const { secret, state } = keep([text64('a')]);
  for (let shown = 0; shown < 100; shown += 1) {
    state.nowMs += 1_000;
    assert.equal(await secret.matches(`guess ${shown}`), false);
  }
  assert.equal(state.reads, 4);
  assert.equal(await secret.matches(text64('a')), true);
});

test('requests at once share one reading', async () => {
  const { secret, state } = keep([text64('a')]);
  const results = await Promise.all(['a', 'b', 'a'].map((letter) => secret.matches(text64(letter))));
  assert.deepEqual([results, state.reads], [[true, false, true], 1]);
});

test('while it cannot be read for the first time nothing counts, and it is tried again after ten seconds', async () => {
  const { secret, state, lines } = keep([text64('a')]);
  state.failure = new Error('the secret edge may not be read');
  await secret.prepare();
  for (let shown = 0; shown < 3; shown += 1)
    await assert.rejects(secret.matches(text64('a')), /the secret edge may not be read/);
  assert.deepEqual(
    lines.map(({ level, event }) => [level, event]),
    [['error', 'edge secret not read']],
  );
  state.failure = undefined;
  state.nowMs = 10_000;
  assert.equal(await secret.matches(text64('a')), true);
});

test('when it cannot be read again, those known still count', async () => {
  const { secret, state } = keep([text64('a')]);
  await secret.prepare();
  state.failure = new Error('no answer');
  state.nowMs = 30_000;
  assert.equal(await secret.matches(text64('b')), false);
  assert.equal(await secret.matches(text64('a')), true);
});

test('a value that can be guessed is not accepted, and is not repeated in the log', async () => {
  for (const values of [[], [''], ['short'], ['short', text64('a')]]) {
    const { secret, lines } = keep(values);
    await assert.rejects(secret.matches('short'), /its value has less than 32 bytes/);
    assert.equal(JSON.stringify(lines).includes('short'), false);
  }
});

test('a placeholder that stood there before does not count, and locks nobody out', async () => {
  const { secret } = keep([text64('a'), 'short']);
  assert.equal(await secret.matches(text64('a')), true);
  assert.equal(await secret.matches('short'), false);
});

/** Secrets Manager as far as two calls of it go. */
const stages: Record<string, string | undefined> = {};
let failing: { status: number; type: string } | undefined;
const server = createServer(async (request, response) => {
  let text = '';
  for await (const chunk of request) text += chunk;
  const { SecretId, VersionStage } = JSON.parse(text) as { SecretId: string; VersionStage: string };
  assert.equal(SecretId, 'edge');
  const value = stages[VersionStage];
  if (VersionStage === 'AWSPREVIOUS' && failing !== undefined)
    response.writeHead(failing.status, { 'x-amzn-errortype': failing.type }).end('{}');
  else if (value === undefined)
    response.writeHead(400, { 'x-amzn-errortype': 'ResourceNotFoundException' }).end('{}');
  else response.end(JSON.stringify({ SecretString: value }));
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
after(() => server.close());
const env = {
  AWS_REGION: 'eu-west-1',
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
};
const readTexts = async () =>
  (await readEdgeSecret('edge', env)).map((value) => Buffer.from(value).toString());

test('both versions of the secret are read; a new secret has one', async () => {
  stages.AWSCURRENT = text64('a');
  assert.deepEqual(await readTexts(), [text64('a')]);
  stages.AWSCURRENT = text64('b');
  stages.AWSPREVIOUS = text64('a');
  assert.deepEqual(await readTexts(), [text64('b'), text64('a')]);
});

test('one final line break is not part of either version', async () => {
  for (const end of ['\n', '\r\n']) {
    stages.AWSCURRENT = `${text64('b')}${end}`;
    stages.AWSPREVIOUS = `${text64('a')}${end}`;
    assert.deepEqual(await readTexts(), [text64('b'), text64('a')]);
  }
  stages.AWSCURRENT = `${text64('b')}\n\n`;
  assert.deepEqual(await readTexts(), [`${text64('b')}\n`, text64('a')]);
  stages.AWSCURRENT = text64('b');
  stages.AWSPREVIOUS = text64('a');
});

test('a previous version that may not be read is an error and not taken for none', async () => {
  failing = { status: 400, type: 'AccessDeniedException' };
  await assert.rejects(readTexts(), /the secret edge may not be read/);
  failing = undefined;
});
