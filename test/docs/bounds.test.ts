import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import test from 'node:test';
import { limits as expressionLimits } from '../../gateway/expression/parser.ts';
import { defaultLimits } from '../../server/limits.ts';
import { constant, rows, section, source } from './pages.ts';

const root = new URL('../../', import.meta.url);

/** What is the default of an option: `name: …, '10s'` or `256)`. */
function optionDefault(file: string, name: string): string {
  const text = source(file);
  const [, value = ''] =
    new RegExp(`\\b${name}: s\\.describe\\(\\s*s\\.withDefault\\(.*?, (?:'([^']+)'|[\\d_]+)\\),`, 's').exec(
      text,
    ) ?? [];
  const number = new RegExp(
    `\\b${name}: s\\.describe\\(\\s*s\\.withDefault\\(s\\.integer\\([^)]*\\), ([\\d_]+)\\)`,
  ).exec(text)?.[1];
  return value !== '' ? value : count(Number(number?.replaceAll('_', '')));
}

const count = (value: number) => value.toLocaleString('en-US');
const bytes = (value: number) => (value >= 1024 ** 2 ? `${value / 1024 ** 2} MiB` : `${value / 1024} KiB`);
const seconds = (ms: number) => `${ms / 1000} s`;
const limits = defaultLimits;
const shape = 'gateway/config/shape.ts';
const spaced = (text: string) => text.replace(/^(\d+)([A-Za-z]+)$/, '$1 $2');

/** For each row that has numbers: the numbers, as the code has them. */
const bounds: Readonly<Record<string, readonly string[]>> = {
  Connections: [
    count(limits.connections),
    count(limits.connectionsPerAddress),
    bytes(limits.headerBytes),
    seconds(limits.headersTimeoutMs),
  ],
  'Request line and headers': [bytes(limits.headerBytes), count(limits.headerCount)],
  // The second is llhttp's own.
  'Trailers and chunk extensions': [bytes(limits.headerBytes), '16 KiB'],
  'Requests sent ahead on a connection': [count(limits.pipelined)],
  'Many requests under way': [bytes(limits.memoryBytes), bytes(limits.memoryPerAddressBytes)],
  'A body that arrives slowly': [
    `${limits.bodyBytesPerSecond} bytes`,
    seconds(limits.bodyWindowMs),
    seconds(limits.requestTimeoutMs),
  ],
  'Chunks of one byte': [bytes(constant('base/pieces.ts', 'ownPieceBytes'))],
  'A body in countless': [
    count(constant('server/server-request.ts', 'promptTurns')),
    `${constant('server/server-request.ts', 'dripMs')} ms`,
  ],
  'Request target': [count(constant('gateway/request/path.ts', 'maxTargetBytes'))],
  'Segments of a path': [count(constant('gateway/request/path.ts', 'maxSegments'))],
  'A body that a plugin reads': [bytes(constant('gateway/pipeline/chains.ts', 'defaultMaxBodyBytes'))],
  'Addresses against': [
    count(Number(/list\(range, { max: ([\d_]+)/.exec(source('base/schema/cidrs.ts'))?.[1]?.replace('_', ''))),
    '40 ns',
  ],
  'Signatures in one header': [count(constant('gateway/providers/scheme/headers.ts', 'mostSignatures')), '1'],
  'Hashes of a body |': [
    count(constant('gateway/plugins/webhook.ts', 'mostSecrets')),
    bytes(constant('gateway/providers/scheme/tries.ts', 'turnBytes')),
  ],
  'Hashes of a body for Ed25519': [
    count(constant('gateway/providers/scheme/standard.ts', 'mostEd25519Tries')),
  ],
  'Ids and events': [/idForm = .*\{1,(\d+)\}/.exec(source('gateway/providers/scheme/headers.ts'))?.[1] ?? ''],
  'Payload of a webhook': [spaced(optionDefault('gateway/plugins/webhook.ts', 'maxPayload'))],
  // Measured, for a payload of the default size.
  'Integers beyond': [spaced(optionDefault('gateway/plugins/webhook.ts', 'maxPayload')), '500 ms'],
  'Nesting of a payload': [count(constant('gateway/expression/operators.ts', 'maxCompareDepth'))],
  'Work of all expressions': [
    count(constant('gateway/expression/frame.ts', 'maxSteps')),
    count(constant('gateway/expression/frame.ts', 'errorSteps')),
    '10 ms',
  ],
  'Headers made by expressions': [count(constant('gateway/plugin/header-edits.ts', 'maxValueCharacters'))],
  'Patterns in expressions': [count(constant('gateway/expression/pattern.ts', 'maxPatternCharacters'))],
  'Pairs of a query': [count(constant('gateway/request/names/query.ts', 'maxPairs'))],
  'Requests under way to a service': [optionDefault(shape, 'connections'), optionDefault(shape, 'pending')],
  // Version, reply, reserved, type, length of the name, name, port (RFC 1928 section 6).
  'Replies of a SOCKS5 proxy': [`${7 + constant('base/socks5/handshake.ts', 'maxNameBytes')} bytes`],
  'Answers of the readiness endpoint': [bytes(constant('base/http/call.ts', 'defaultMaxBytes'))],
  'Silence of a target': [
    spaced(optionDefault(shape, 'timeout')),
    spaced(optionDefault(shape, 'idleTimeout')),
  ],
  'Heads and trailers of answers': [
    bytes(constant('gateway/upstream/answer-guard.ts', 'maxAnswerHeadBytes')),
    count(constant('gateway/upstream/answer-guard.ts', 'maxAnswerHeaders')),
  ],
  'Interim answers of a target': [count(constant('gateway/upstream/answer-guard.ts', 'maxInterimHeads'))],
  'An answer that the client': [seconds(limits.stalledReaderMs)],
  'Bodies of answers that do not go': [bytes(constant('gateway/action/handling.ts', 'maxDroppedBytes'))],
  'Answers through Lambda': [bytes(constant('functions/answer-sink.ts', 'maxPayloadBytes'))],
  'Texts of a client in the log': ['8 KiB'],
  'Texts of errors': [count(constant('base/redact.ts', 'maxConcealed'))],
};

const table = rows('SECURITY.md', '## What bounds each cost').filter(([first]) => !first?.startsWith('**'));

test('SECURITY.md says of each cost what bounds it, with the numbers of the code and no other', () => {
  const used = new Set<string>();
  for (const [what = '', bound = ''] of table) {
    const key = Object.keys(bounds).find((start) => `${what} |`.startsWith(start));
    // Codes of answers, and the size of a network.
    const text = bound.replace(
      /\/64 of IPv6|IPv6|Ed25519|Node \d\d|\b[45]\d\d\b(?= `|\)|;|$)|(?<=then )[45]\d\d/g,
      '',
    );
    const found = text.match(/(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?(?: (?:KiB|MiB|ns|ms|s|bytes)\b)?/g) ?? [];
    if (key !== undefined) used.add(key);
    const expected = key === undefined ? [] : bounds[key];
    assert.deepEqual([...new Set(found)].toSorted(), [...new Set(expected)].toSorted(), what);
  }
  assert.deepEqual([...used].toSorted(), Object.keys(bounds).toSorted());
});

test('each cost stands in one row, with the files that bound it', () => {
  const whats = table.map(([what]) => what);
  assert.equal(new Set(whats).size, whats.length);
  for (const [what, , where = ''] of table) {
    const files = [...where.matchAll(/`([^`]+)`/g)].map(([, file = '']) => file);
    assert.ok(files.length > 0, what);
    for (const file of files) assert.ok(existsSync(new URL(file, root)), `${what}: ${file}`);
  }
});

test('docs/expressions.md says what limits an expression, with the numbers of the code', () => {
  const { characters, parts, depth, items, entries } = expressionLimits;
  const pattern = 'gateway/expression/pattern.ts';
  assert.deepEqual(
    rows('docs/expressions.md', '## Limits').map(([, bound]) => bound),
    [
      `${count(characters)} characters, ${count(parts)} parts, ${depth} levels of nesting, lists of ${items} elements, maps of ${entries} entries`,
      `${constant(pattern, 'maxPatternCharacters')} characters, ${count(constant(pattern, 'maxProgramSize'))} instructions`,
      count(constant('gateway/expression/addresses.ts', 'mostRanges')),
      `${count(constant('gateway/expression/frame.ts', 'maxSteps'))} steps, about 10 ms`,
      `${constant('gateway/expression/operators.ts', 'maxCompareDepth')} levels`,
    ],
  );
});

test('docs/transports.md says what an answer may be, with the numbers of the code', () => {
  const table = rows('docs/transports.md', '## What an answer must be');
  const said = (code: string) => table.find(([cell]) => cell === `\`${code}\``)?.[2] ?? '';
  const guard = 'gateway/upstream/answer-guard.ts';
  assert.ok(said('upstream:answer-head-too-large').includes(bytes(constant(guard, 'maxAnswerHeadBytes'))));
  assert.ok(
    said('upstream:answer-head-too-large').includes(`${constant(guard, 'maxAnswerHeaders')} headers`),
  );
  assert.ok(said('upstream:too-many-interim').includes(`${constant(guard, 'maxInterimHeads')} interim`));
});

test('docs/transports.md says how long a dial through the tunnel takes, with the numbers of the code', () => {
  const text = section('docs/transports.md', '## Through the tunnel').replaceAll('\n', ' ');
  const dialer = 'gateway/upstream/tailnet/dialer.ts';
  const readiness = 'gateway/upstream/tailnet/readiness.ts';
  for (const said of [
    `asked why (${seconds(constant(dialer, 'diagnoseMs'))} at most)`,
    `ends within ${seconds(constant(dialer, 'budgetMs'))}`,
    `${constant('gateway/upstream/deadline-client.ts', 'reserveMs')} ms before the   deadline`,
    `up to ${seconds(constant(readiness, 'staleMs'))}`,
    `more than ${seconds(constant(readiness, 'thawMs'))}`,
    `first ${seconds(constant(readiness, 'startMs'))} the extension`,
    `pause of ${seconds(constant('gateway/upstream/transports/direct.ts', 'trustMs'))}`,
    `pause of ${seconds(constant('gateway/upstream/transports/socks5.ts', 'trustMs'))}`,
  ])
    assert.ok(text.replace(/ +/g, ' ').includes(said.replace(/ +/g, ' ')), said);
  assert.match(source(dialer), /attemptsMs = \[400, 1_000\]/);
});
