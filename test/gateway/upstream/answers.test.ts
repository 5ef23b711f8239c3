import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { systemClock } from '../../../base/clock.ts';
import { maxAnswerHeaders, maxInterimHeads } from '../../../gateway/upstream/answer-guard.ts';
import { createUpstream } from '../../../gateway/upstream/client.ts';
import { readTailnetPorts } from '../../../gateway/upstream/tailnet/ports.ts';
import { parseTarget } from '../../../gateway/upstream/target.ts';
import type { Upstream } from '../../../gateway/upstream/upstream.ts';
import { createTransport } from '../../support/transport.ts';
import { begin, send } from './fixtures/call.ts';
import { startProxy } from './fixtures/proxy.ts';
import { bytes, startRawTarget } from './fixtures/raw-target.ts';
import { until } from './fixtures/server.ts';

function upstreamTo(t: TestContext, port: number, transport = 'direct'): Upstream {
  const through = createTransport(transport, {
    clock: systemClock,
    tailnet: readTailnetPorts({}),
  });
  const upstream = createUpstream({
    targets: [parseTarget(`http://target.test:${port}`)],
    transport: {
      connect: (_, withinMs) => through.connect({ host: '127.0.0.1', port }, withinMs),
      ready: () => ({ ready: true, epoch: 0 }),
      close: () => through.close(),
    },
    timeoutMs: 10_000,
  });
  t.after(() => upstream.close());
  return upstream;
}

const body = 'content-length: 2\r\n\r\nok';
const ok = `HTTP/1.1 200 OK\r\n${body}`;
const head = (...lines: readonly string[]) => `HTTP/1.1 200 OK\r\n${lines.join('\r\n')}\r\n\r\n`;
const chunked = 'transfer-encoding: chunked';
const chunks = '2\r\nok\r\n0\r\n\r\n';

/** Answers that are no answers, by what is wrong with them. */
const refused: Readonly<Record<string, readonly string[]>> = {
  'is not HTTP/1': [
    'SSH-2.0-OpenSSH_9.6\r\n',
    '<html>hello',
    `HTTP/0.9 200 OK\r\n${body}`,
    `HTTP/1.2 200 OK\r\n${body}`,
    `HTTP/2.0 200 OK\r\n${body}`,
    `RTSP/1.0 200 OK\r\n${body}`,
    `\r\n\r\nRTSP/1.0 200 OK\r\n${body}`,
    `ICE/1.0 200 OK\r\n${body}`,
    `http/1.1 200 OK\r\n${body}`,
    `HTTP/1.1\t200 OK\r\n${body}`,
  ],
  'has a status outside of 100 to 599': [
    `HTTP/1.1 099 X\r\n${body}`,
    `HTTP/1.1 000 X\r\n${body}`,
    `HTTP/1.1 20 X\r\n${body}`,
    `HTTP/1.1 -20 X\r\n${body}`,
    `HTTP/1.1 600 X\r\n${body}`,
    `HTTP/1.1 999 X\r\n${body}`,
    `HTTP/1.1 1000 X\r\n${body}`,
  ],
  'switches protocols though nobody asked': [
    `HTTP/1.1 101 X\r\n\r\n${ok}`,
    `HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n${ok}`,
  ],
  'has a transfer coding other than chunked': [
    head('transfer-encoding: gzip, chunked') + chunks,
    head('transfer-encoding: deflate, chunked') + chunks,
    head('transfer-encoding: gzip', chunked) + chunks,
    head(chunked, chunked) + chunks,
    head('transfer-encoding: chunked, chunked') + chunks,
    head('transfer-encoding: chunked, identity') + chunks,
    `${head('transfer-encoding: identity')}ok`,
    `${head('transfer-encoding: gzip')}ok`,
    `${head('transfer-encoding: ')}ok`,
    `HTTP/1.0 200 OK\r\n${chunked}\r\n\r\n${chunks}`,
  ],
  'has an ambiguous or impossible length': [
    head(chunked, 'content-length: 12') + chunks,
    head('content-length: 12', chunked) + chunks,
    `${head('content-length: 2', 'content-length: 2')}ok`,
    `${head('content-length: 2', 'content-length: 3')}ok`,
    ...['2, 2', '-2', '+2', '', '0x2', '2.0', '0 2', '99999999999999999999999', '18446744073709551615'].map(
      (length) => `${head(`content-length: ${length}`)}ok`,
    ),
  ],
  'has a malformed header': [
    head('x: a', ' b', body),
    head('content-length:', ' 2'),
    ...['a\0b', 'a\x01b', 'a\x7fb', 'a\rb', 'a\nb'].map((value) => `${head(`x: ${value}`)}ok`),
    ...['x y: a', 'x : a', ': a', 'xyz', '(x): a', 'x\xe9: a', ' x: a'].map((line) => `${head(line)}ok`),
    `HTTP/1.1 200 OK\ncontent-length: 2\n\nok`,
  ],
  'has a malformed first chunk, in the packet of its head': [
    `${head(chunked)}zz\r\n`,
    `${head(chunked)}-1\r\n`,
    `${head(chunked)}fffffffffffffffff\r\n`,
    `${head(chunked)}2\r\nokX\r\n`,
    `${head(chunked)}2\r\nok\r\nzz\r\n`,
  ],
  'has a malformed interim answer before it': [
    `HTTP/1.1 103 X\r\nx y: a\r\n\r\n${ok}`,
    `HTTP/1.1 103 X\r\ntransfer-encoding: gzip\r\n\r\n${ok}`,
    `HTTP/1.1 103 X\r\ncontent-length: 4\r\n\r\nabcd${ok}`,
  ],
};

for (const [what, answers] of Object.entries(refused)) {
  test(`an answer that ${what} is a 502, and its connection is not used again`, async (t) => {
    for (const answer of answers) {
      const target = await startRawTarget(t, answer);
      const { failed, status } = await send(upstreamTo(t, target.port));
      assert.deepEqual([failed?.status, failed?.code, status], [502, 'upstream:bad-answer', 0], answer);
      await until(() => target.open() === 0, `the end of the connection with ${answer}`);
    }
  });
}

const taken: readonly (readonly [what: string, answer: string])[] = [
  ['unasked 100 (Continue)', `HTTP/1.1 100 Continue\r\n\r\n${ok}`],
  ['100 with headers', `HTTP/1.1 100 Continue\r\nx: y\r\n\r\n${ok}`],
  ['several 100', `${'HTTP/1.1 100 Continue\r\n\r\n'.repeat(3)}${ok}`],
  [
    '102, 103 and 100',
    `HTTP/1.1 102 P\r\n\r\nHTTP/1.1 103 E\r\nlink: </x>\r\n\r\nHTTP/1.1 100 C\r\n\r\n${ok}`,
  ],
  ['an interim answer with a content-length', `HTTP/1.1 103 E\r\ncontent-length: 4\r\n\r\n${ok}`],
  ['no reason phrase', `HTTP/1.1 200\r\n${body}`],
  ['an offer to upgrade', `HTTP/1.1 200 OK\r\nupgrade: h2,h2c\r\nconnection: upgrade, keep-alive\r\n${body}`],
  ['blanks around its length', `${head('content-length: \t2  ')}ok`],
  ['its coding in capitals', head('Transfer-Encoding: CHUNKED') + chunks],
  ['chunk extensions and trailers', `${head(chunked)}2;a=b\r\nok\r\n0\r\nx: y\r\n\r\n`],
  ['bytes above ASCII in a header', `${head('x: \xe9\xff', 'content-length: 2')}ok`],
  ['a header that is called __proto__', `${head('__proto__: a', 'content-length: 2')}ok`],
  ['a head of 31 KiB', `${head(`x: ${'y'.repeat(31 * 1024)}`, 'content-length: 2')}ok`],
];
for (const [what, answer] of taken) {
  test(`an answer with ${what} is taken, and its connection used again`, async (t) => {
    const target = await startRawTarget(t, answer);
    const upstream = upstreamTo(t, target.port);
    for (let request = 0; request < 3; request += 1) {
      const { failed, status, body: got } = await send(upstream);
      assert.deepEqual([failed, status, got], [undefined, 200, 'ok']);
    }
    assert.equal(target.connections(), 1);
  });
}

test('a head cut at any byte is put together again', async (t) => {
  const answer = bytes(`HTTP/1.1 100 C\r\n\r\n${head('x: \xe9', 'content-length: 2')}ok`);
  const target = await startRawTarget(t, async (socket) => {
    for (const byte of answer) {
      socket.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
  const outcome = await send(upstreamTo(t, target.port));
  assert.deepEqual([outcome.status, outcome.body], [200, 'ok']);
  assert.deepEqual(outcome.headers, ['x', '\xe9', 'content-length', '2']);
});

const early = 'HTTP/1.1 103 E\r\nlink: </x>\r\n\r\n';
const foreignAfterInterim = [
  `HTTP/1.1 103 Early Hints\r\n\r\nRTSP/1.0 200 OK\r\n${body}`,
  `HTTP/1.1 103 E\r\n\r\n${early}RTSP/1.0 200 OK\r\n${body}`,
  `HTTP/1.1 100 Continue\r\n\r\nICE/1.0 200 OK\r\n${body}`,
  `${early}HTTP/1.1 100\r\n\r\n\r\n\r\nICE/1.0 200 OK\r\n${body}`,
  `\r\n\r\nHTTP/1.1 102 P\r\ncontent-length: 4\r\n\r\nRTSP/1.0 103 E\r\n\r\n${ok}`,
];

test('an interim head does not hide what follows it, wherever the two are cut into packets', async (t) => {
  for (const answer of [...foreignAfterInterim, `${early}HTTP/1.1 100 C\r\n\r\n${ok}`]) {
    const expected = /RTSP|ICE/.test(answer) ? 'upstream:bad-answer' : undefined;
    const { length } = answer;
    for (let cut = 0; cut <= length; cut += 1) {
      // The last one sends every byte in a packet of its own.
      const parts = cut === length ? [...answer] : [answer.slice(0, cut), answer.slice(cut)];
      const target = await startRawTarget(t, async (socket) => {
        for (const part of parts) {
          if (socket.destroyed) return;
          socket.write(bytes(part));
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      });
      const { failed, status } = await send(upstreamTo(t, target.port));
      assert.deepEqual([failed?.code, status], [expected, expected === undefined ? 200 : 0], parts.join('|'));
    }
  }
});

for (const [what, answer] of [
  ['a head of more than 32 KiB', `${head(`x: ${'y'.repeat(32 * 1024)}`)}`],
  ['many small headers', head(...Array(maxAnswerHeaders + 1).fill('x: y'))],
  ['a head without an end', `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(50_000)}`],
  ['an interim head of more than 32 KiB', `HTTP/1.1 103 E\r\nx: ${'y'.repeat(32 * 1024)}\r\n\r\n${ok}`],
] as const) {
  test(`${what} is a 502 with a code of its own`, async (t) => {
    const target = await startRawTarget(t, answer);
    const { failed } = await send(upstreamTo(t, target.port));
    assert.deepEqual([failed?.status, failed?.code], [502, 'upstream:answer-head-too-large']);
    await until(() => target.open() === 0);
  });
}

for (const status of [100, 102, 103]) {
  test(`a flood of ${status} ends with a 502 after ${maxInterimHeads} of them`, async (t) => {
    const target = await startRawTarget(t, `HTTP/1.1 ${status} X\r\nx: y\r\n\r\n`.repeat(10_000) + ok);
    let interim = 0;
    const { failed } = await begin(upstreamTo(t, target.port), { onInterim: () => (interim += 1) }).done;
    assert.deepEqual([failed?.status, failed?.code], [502, 'upstream:too-many-interim']);
    assert.equal(interim, status === 100 ? 0 : maxInterimHeads);
    await until(() => target.open() === 0);
  });
}

test('interim answers are counted for each request, not for each connection', async (t) => {
  const target = await startRawTarget(t, 'HTTP/1.1 103 X\r\n\r\n'.repeat(maxInterimHeads) + ok);
  const upstream = upstreamTo(t, target.port);
  for (let request = 0; request < 3; request += 1) assert.equal((await send(upstream)).body, 'ok');
  assert.equal(target.connections(), 1);
});

test('a flood of trailers breaks the answer off', async (t) => {
  const target = await startRawTarget(t, `${head(chunked)}2\r\nok\r\n0\r\n${'x: y\r\n'.repeat(50_000)}`);
  const { failed } = await send(upstreamTo(t, target.port));
  assert.equal(failed?.code, 'upstream:answer-head-too-large');
});

test('a body in chunks of one byte arrives in pieces of the size of packets', async (t) => {
  const size = 100_000;
  const target = await startRawTarget(t, `${head(chunked)}${'1\r\na\r\n'.repeat(size)}0\r\n\r\n`);
  let pieces = 0;
  const outcome = await begin(upstreamTo(t, target.port), {
    onData() {
      pieces += 1;
      return true;
    },
  }).done;
  assert.equal(outcome.body, 'a'.repeat(size));
  assert.ok(pieces < size / 100, `${pieces} pieces`);
});

test('a client that takes one piece at a time gets the body whole and in order', async (t) => {
  const text = Array.from({ length: 50_000 }, (_, at) => `${at}\n`).join('');
  const cut = text.replace(/.{1,5}/gs, (piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`);
  const target = await startRawTarget(t, `${head(chunked)}${cut}0\r\n\r\n`);
  let asked = true;
  const under = begin(upstreamTo(t, target.port), {
    onData() {
      assert.ok(asked, 'a piece came that was not asked for');
      asked = false;
      setTimeout(() => {
        asked = true;
        under.call.resume();
      }, 1);
      return false;
    },
  });
  assert.equal((await under.done).body, text);
});

for (const [what, method, answer, got] of [
  ['a 204 with a content-length', 'GET', 'HTTP/1.1 204 N\r\ncontent-length: 4\r\n\r\n', 204],
  ['a 204', 'GET', 'HTTP/1.1 204 N\r\n\r\n', 204],
  ['a 204 that says chunked', 'GET', `HTTP/1.1 204 N\r\n${chunked}\r\n\r\n`, 204],
  ['a 205 with a content-length', 'GET', 'HTTP/1.1 205 R\r\ncontent-length: 4\r\n\r\n', 205],
  ['a 304 with a content-length', 'GET', 'HTTP/1.1 304 N\r\ncontent-length: 4\r\n\r\n', 304],
  ['a 304', 'GET', 'HTTP/1.1 304 N\r\n\r\n', 304],
  ['an answer to HEAD', 'HEAD', head('content-length: 4'), 200],
  ['a body of the declared length', 'GET', ok, 200],
  ['the last chunk', 'GET', head(chunked) + chunks, 200],
] as const) {
  for (const later of [false, true]) {
    const when = later ? 'in a packet of its own' : 'in the same packet';
    test(`a second answer behind ${what}, ${when}, is never the answer to the next request`, async (t) => {
      const poison = 'HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison';
      const target = await startRawTarget(t, (socket, request, text) => {
        if (/^\S+ \/next /.test(text)) return void socket.write(ok);
        if (request > 0) return void socket.write(poison);
        socket.write(later ? answer : answer + poison);
        if (later) setImmediate(() => socket.write(poison));
      });
      const upstream = upstreamTo(t, target.port);
      const first = await send(upstream, { method });
      assert.equal(first.status, got, JSON.stringify(first.failed));
      assert.doesNotMatch(first.body, /poison/);
      if (later) await until(() => target.open() === 0, 'the end of the connection');
      const next = await send(upstream, { path: '/next' });
      assert.deepEqual([next.status, next.body], [200, 'ok'], JSON.stringify(next.failed));
      assert.equal(target.connections(), 2);
    });
  }
}

test('bytes on a connection that lies idle end it, whatever they are', async (t) => {
  for (const text of [ok, 'H', 'junk', '\0']) {
    let idle = (_: string) => {};
    const target = await startRawTarget(t, (socket) => {
      socket.write(ok);
      idle = (unasked) => void socket.write(bytes(unasked));
    });
    const upstream = upstreamTo(t, target.port);
    assert.equal((await send(upstream)).body, 'ok');
    idle(text);
    await until(() => target.open() === 0, 'the end of the connection');
    assert.equal((await send(upstream)).body, 'ok');
    assert.equal(target.connections(), 2);
  }
});

test('a target that speaks before it is asked is a bad answer after one connection', async (t) => {
  const target = await startRawTarget(t, () => {});
  target.server.on('connection', (socket) => socket.write('220 mail.test ESMTP\r\n'));
  const { port } = target;
  // The proxy hands its reply and the first bytes of the target over in one packet.
  const proxy = await startProxy(t, () => ({ host: '127.0.0.1', port }));
  const upstream = upstreamTo(t, port, `socks5://127.0.0.1:${proxy.port}`);
  const { failed } = await send(upstream);
  assert.equal(failed?.code, 'upstream:bad-answer');
  assert.equal(target.connections(), 1);
});

test('a reset is never the end of an answer whose end is that of its connection', async (t) => {
  const target = await startRawTarget(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n\r\nhalf');
    setTimeout(() => socket.resetAndDestroy(), 20);
  });
  const { failed, body: got } = await send(upstreamTo(t, target.port));
  assert.deepEqual([failed?.code, got], ['upstream:reset', 'half']);
  const whole = await startRawTarget(t, (socket) => void socket.end('HTTP/1.1 200 OK\r\n\r\nwhole'));
  assert.equal((await send(upstreamTo(t, whole.port))).body, 'whole');
});
