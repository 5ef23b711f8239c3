import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnswerSink } from '../../functions/answer-sink.ts';
import type { HttpApiAnswer } from '../../functions/payload.ts';
import { BrokenOff } from '../../gateway/answer/sink.ts';
import type { Reply } from '../../gateway/answer/verdict.ts';
import { upstreamRefusals } from '../../gateway/upstream/refusals.ts';

function collect(limitBytes?: number) {
  const answers: HttpApiAnswer[] = [];
  const refused: Reply[] = [];
  const sink = new AnswerSink((answer) => answers.push(answer), limitBytes);
  sink.attach({ resume() {}, cancel() {}, refuse: (reply) => refused.push(reply) });
  return { sink, answers, refused };
}

test('repeated headers are joined, each set-cookie stays apart, names are in lower case', () => {
  const { sink, answers } = collect();
  const headers = [
    'X-One',
    'a',
    'Set-Cookie',
    'a=1; Path=/',
    'x-one',
    'b, c',
    'set-cookie',
    'b=2',
    '__proto__',
    'x',
  ];
  sink.head(200, headers, false);
  sink.end();
  const [answer] = answers;
  assert.equal(
    JSON.stringify(answer),
    '{"statusCode":200,"headers":{"x-one":"a, b, c","__proto__":"x"},"cookies":["a=1; Path=/","b=2"],"body":"","isBase64Encoded":true}',
  );
});

test('any bytes come back out of the body', () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, value) => value);
  const { sink, answers } = collect();
  sink.head(200, [], false);
  assert.equal(sink.data(bytes.subarray(0, 100)), true);
  sink.data(bytes.subarray(100));
  sink.end();
  assert.equal(answers[0]?.isBase64Encoded, true);
  assert.deepEqual(Buffer.from(answers[0]?.body ?? '', 'base64'), Buffer.from(bytes));
});

const lengths: [name: string, status: number, bodyless: boolean, kept: boolean][] = [
  ['with a body, where API Gateway counts itself', 200, false, false],
  ['of a HEAD', 200, true, true],
  ['of a 304', 304, true, true],
  ['of a 204, which may have none', 204, true, false],
];
for (const [name, status, bodyless, kept] of lengths) {
  test(`content-length ${name} is ${kept ? 'kept' : 'left out'}`, () => {
    const { sink, answers } = collect();
    sink.head(status, ['Content-Length', '123'], bodyless);
    sink.end();
    assert.equal(answers[0]?.headers['content-length'], kept ? '123' : undefined);
  });
}

test('the largest answer that is taken fits the limit exactly or leaves less than a step of base64', () => {
  for (let limit = 300; limit < 320; limit += 1) {
    const { sink, answers, refused } = collect(limit);
    sink.head(200, ['Content-Type', 'text/plain'], false);
    let size = 0;
    while (refused.length === 0) {
      sink.data(new Uint8Array(1));
      size += 1;
    }
    const whole = collect(limit);
    whole.sink.head(200, ['Content-Type', 'text/plain'], false);
    whole.sink.data(new Uint8Array(size - 1));
    whole.sink.end();
    const bytes = Buffer.byteLength(JSON.stringify(whole.answers[0]));
    assert.ok(bytes <= limit && bytes > limit - 4, `${bytes} of ${limit}`);
    assert.equal(refused[0]?.code, 'upstream:answer-too-large');
    assert.equal(answers.length, 0);
  }
});

test('an answer that declares too large a body is refused before any of it has come', () => {
  const { sink, refused } = collect();
  sink.head(200, ['content-length', '5000000'], false);
  assert.equal(refused[0]?.code, 'upstream:answer-too-large');
  assert.match(refused[0]?.detail ?? '', /5000000 bytes; through Lambda it may have 47\d{5}/);
});

test('a HEAD may declare any length', () => {
  const { sink, refused, answers } = collect();
  sink.head(200, ['content-length', '5000000000'], true);
  sink.end();
  assert.equal(refused.length, 0);
  assert.equal(answers[0]?.headers['content-length'], '5000000000');
});

test('an answer that breaks off is refused, never ended as if it were whole', () => {
  const { sink, refused, answers } = collect();
  sink.head(200, [], false);
  sink.data(new Uint8Array(3));
  sink.abort(new BrokenOff(upstreamRefusals.reset('other side closed')));
  assert.equal(refused[0]?.code, 'upstream:reset');
  assert.equal(answers.length, 0);
});

test('a refusal in place of an answer starts from nothing', () => {
  const { sink, answers } = collect();
  sink.head(200, ['x-target', 'yes', 'set-cookie', 'a=1'], false);
  sink.data(new Uint8Array(3));
  sink.head(502, ['content-type', 'application/problem+json'], false);
  sink.data(Buffer.from('{}'));
  sink.end();
  assert.deepEqual(answers[0], {
    statusCode: 502,
    headers: { 'content-type': 'application/problem+json' },
    body: 'e30=',
    isBase64Encoded: true,
  });
});

test('a body in pieces of any size is collected whole and in order', async () => {
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, at) => at % 251));
  const answer = await new Promise<HttpApiAnswer>((resolve) => {
    const sink = new AnswerSink(resolve);
    sink.head(200, [], false);
    let at = 0;
    for (const size of [100_000, 1, 0, 7, 65_536]) {
      sink.data(bytes.subarray(at, at + size));
      at += size;
    }
    for (; at < bytes.length; at += 1) sink.data(bytes.subarray(at, at + 1));
    sink.end();
  });
  assert.deepEqual(Buffer.from(answer.body, 'base64'), bytes);
});
