import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { parseDocument } from '../../../gateway/config/document.ts';
import { JsonProblem, readJson } from '../../../gateway/config/json.ts';
import { InvalidConfiguration } from '../../../gateway/config/problems.ts';
import { loadGateway } from '../../../gateway/index.ts';
import { testPorts } from '../../support/ports.ts';

async function problemsOf(file: string, text: string): Promise<readonly string[]> {
  try {
    const { gateway } = await loadGateway({ file, text }, testPorts());
    await gateway.close();
    return [];
  } catch (error) {
    if (error instanceof InvalidConfiguration) return error.message.split('\n');
    throw error;
  }
}

const service = '{ targets: [{ url: "http://127.0.0.1:1" }], transport: direct }';
const route = '{ match: { path: /a }, service: a, open: true }';
const yamlWith = (part: 'services' | 'routes' | 'consumers', name: string) => `services:
  a: ${service}
  ${part === 'services' ? `${name}: ${service}` : ''}
routes:
  a: ${route}
  ${part === 'routes' ? `${name}: { match: { path: /b }, service: a, open: true }` : ''}
consumers:
  a: { match: "true" }
  ${part === 'consumers' ? `${name}: { match: "true" }` : ''}
`;
const jsonWith = (part: 'services' | 'routes' | 'consumers', name: string): string => {
  const a = { targets: [{ url: 'http://127.0.0.1:1' }], transport: 'direct' };
  const entry = (value: object) => `"a": ${JSON.stringify(value)}`;
  const more = (own: string, value: object) => (part === own ? `,\n"${name}": ${JSON.stringify(value)}` : '');
  return `{"services": {${entry(a)}${more('services', a)}},
"routes": {${entry({ match: { path: '/a' }, service: 'a', open: true })}${more('routes', { match: { path: '/b' }, service: 'a', open: true })}},
"consumers": {${entry({ match: 'true' })}${more('consumers', { match: 'true' })}}}`;
};

for (const part of ['services', 'routes', 'consumers'] as const) {
  for (const [file, make] of [
    ['FILE.yaml', yamlWith],
    ['FILE.json', jsonWith],
  ] as const) {
    test(`a name that programs lose is an error at its line and never vanishes: ${part} in ${file}`, async () => {
      for (const name of file === 'FILE.json'
        ? ['__proto__', '\\u005f_proto__']
        : ['__proto__', '"\\x5f_proto__"']) {
        const [problem = ''] = await problemsOf(file, make(part, name));
        assert.match(problem, /^FILE\.\w+:\d+:\d+ .*__proto__ cannot be used/);
      }
    });
    test(`a name that every object has is a name like any other: ${part} in ${file}`, async () => {
      for (const name of ['constructor', 'b']) assert.deepEqual(await problemsOf(file, make(part, name)), []);
      for (const name of ['toString', 'hasOwnProperty', 'valueOf', '__defineGetter__'])
        assert.match(
          (await problemsOf(file, make(part, name)))[0] ?? '',
          /^FILE\.\w+:\d+:\d+ .*the name is wrong/,
        );
    });
    test(`a repeated key is an error at its second place: ${part} in ${file}`, async () => {
      const [problem = ''] = await problemsOf(file, make(part, 'a'));
      assert.match(problem, /^FILE\.\w+:\d+:\d+ .*this key is repeated$/);
    });
  }
}

test('a proto key at any depth is an error, also where any key may be', async () => {
  for (const [file, text] of [
    ['a.json', '{"routes": {"a": {"plugins": {"authorize": {"__proto__": {"allow": "true"}}}}}}'],
    ['a.json', '[[{"a": [{"__proto__": 1}]}]]'],
    ['a.yaml', 'routes: { a: { plugins: { __proto__: { authorize: { allow: "true" } } } } }'],
    ['a.yaml', '- - a: [{ __proto__: 1 }]'],
  ] as const)
    await assert.rejects(parseDocument({ file, text }), /__proto__ cannot be used/);
});

/** Each with the line and column at which the error must be. */
const refused: readonly (readonly [what: string, text: string, place: string, message: RegExp])[] = [
  [
    'another version of YAML, which reads yes as true',
    '%YAML 1.1\n---\nroutes: { a: { open: yes } }',
    '1:1',
    /%YAML/,
  ],
  ['another version, behind a comment', '# x\n%YAML 1.1\n---\na: 1', '2:1', /%YAML/],
  ['a later version', '%YAML 1.3\n---\na: 1', '1:7', /%YAML|version|%/],
  ['a tag directive', '%TAG !! tag:example.com,2000:\n---\na: !!int 1', '3:4', /tags/],
  ['a merge key', 'x: &x { open: true }\nroutes:\n  a:\n    <<: *x', '4:5', /does not merge/],
  ['a merge key in a flow map', 'x: &x { open: true }\na: { <<: *x }', '2:6', /does not merge/],
  ['a tag of a set', 'a: !!set { b }', '1:4', /tags/],
  ['a tag of bytes', 'a: !!binary aGk=', '1:4', /tags/],
  ['a tag of a merge', 'a: !!merge <<', '1:4', /tags/],
  ['a tag of a core type', 'a: !!str 5', '1:10', /tags/],
  ['a tag on a map', 'a: !!map { b: c }', '1:10', /tags/],
  ['a tag of its own', 'a: !env SECRET', '1:4', /tags/],
  ['a number and a text that are the same key', '1: a\n"1": b', '2:1', /repeated/],
  ['a key that is a list', '? [a]\n: b', '1:3', /key/],
  ['a key that is a map', '{ { a: b }: c }', '1:3', /key/],
  ['a key that is an alias', 'a: &x b\n*x : c', '2:1', /key/],
  ['a duplicate key in another spelling', 'a: 1\n"\\x61": 2', '2:1', /repeated/],
  ['two documents', 'a: 1\n---\nb: 2', '2:1', /more than one document/],
  ['an octal number, or is it decimal', 'services: { a: { targets: [{ weight: 010 }] } }', '1:38', /number/],
  ['an exponent', 'a: 1e3', '1:4', /number/],
  ['infinity', 'a: .inf', '1:4', /number/],
  ['not a number', 'a: .nan', '1:4', /number/],
  ['a hexadecimal number', 'a: 0x1F', '1:4', /number/],
  ['an octal number', 'a: 0o17', '1:4', /number/],
  ['a number with a plus', 'a: +5', '1:4', /number/],
  ['a tab that indents', 'a:\n\tb: c', '2:1', /tab/],
  ['a NUL', 'a: b\0c', '1:5', /U\+0000/],
  ['an escape sequence of a terminal', 'a: \x1b[2K', '1:4', /U\+001B/],
  [
    'a carriage return that ends no line for YAML and one for an editor',
    '# comment\ropen: true',
    '1:10',
    /U\+000D/,
  ],
  ['a line separator', 'a: b\u2028open: true', '1:5', /U\+2028/],
  ['a mark that turns the direction of writing', '# \u202e eurt :nepo', '1:3', /U\+202E/],
  ['a mark of byte order in the middle', 'a: \ufeffb', '1:4', /U\+FEFF/],
  ['bytes that are not UTF-8', 'a: \ufffd', '1:4', /U\+FFFD/],
];
for (const [what, text, place, message] of refused) {
  test(`YAML that could be read in two ways is an error at its line: ${what}`, async () => {
    const [problem = ''] = await problemsOf('FILE', text);
    assert.ok(problem.startsWith(`FILE:${place} `), problem);
    assert.match(problem, message);
  });
}

const taken: readonly (readonly [what: string, text: string, value: unknown])[] = [
  ['yes and no are texts', 'a: [yes, no, on, off, y]', { a: ['yes', 'no', 'on', 'off', 'y'] }],
  ['the version that it is', '%YAML 1.2\n---\na: yes', { a: 'yes' }],
  ['a mark of byte order at the start', '\ufeffa: 1', { a: 1 }],
  ['lines that end as on Windows', 'a: 1\r\nb: 2\r\n', { a: 1, b: 2 }],
  ['a key that looks like a number', '8080: a', { 8080: 'a' }],
  ['numbers in quotes', 'a: ["010", \'1e3\']', { a: ['010', '1e3'] }],
  ['aliases', 'a: &x { b: 1 }\nc: *x', { a: { b: 1 }, c: { b: 1 } }],
  ['escapes in double quotes', 'a: "\\t\\0"', { a: '\t\0' }],
];
for (const [what, text, value] of taken) {
  test(`YAML is read as version 1.2 with the core schema: ${what}`, async () => {
    assert.deepEqual((await parseDocument({ file: 'FILE', text })).value, value);
  });
}

test('keys that differ only by their normalization are no keys that could be taken for one another', async () => {
  for (const name of ['caf\u00e9', 'cafe\u0301', 'se\u0301rvices'])
    assert.ok((await problemsOf('FILE', yamlWith('services', name))).length > 0);
});

const brokenJson: readonly (readonly [text: string, place: string, message: RegExp])[] = [
  ['', '1:1', /expected a value/],
  ['{', '1:2', /key/],
  ['{"a": 1,}', '1:9', /key/],
  ['{"a" 1}', '1:6', /colon/],
  ['{\n "a": 1\n "b": 2}', '3:2', /comma/],
  ['[1 2]', '1:4', /comma/],
  ['{"a": 010}', '1:8', /comma/],
  ['{"a": +1}', '1:7', /value/],
  ['{"a": .5}', '1:7', /value/],
  ['{"a": NaN}', '1:7', /value/],
  ["{'a': 1}", '1:2', /key/],
  ['{a: 1}', '1:2', /key/],
  ['{"a": "b\nc"}', '1:7', /not closed/],
  ['{"a": "\\x41"}', '1:7', /not closed|escape/],
  ['{"a": 1} {"b": 2}', '1:10', /after the end/],
  ['{"a": 1} // comment', '1:10', /after the end/],
  ['{"a": {"b": 1,\n"b": 2}}', '2:1', /repeated/],
  ['{"a": 1,\n"\\u0061": 2}', '2:1', /repeated/],
  [`${'['.repeat(100)}${']'.repeat(100)}`, '1:66', /nested/],
];
for (const [text, place, message] of brokenJson) {
  test(`an error in JSON is reported at its line: ${text.slice(0, 30)}`, async () => {
    const [problem = ''] = await problemsOf('FILE.json', text);
    assert.ok(problem.startsWith(`FILE.json:${place} `), problem);
    assert.match(problem, message);
  });
}

test('errors in the values of JSON are reported at their lines', async () => {
  const text =
    '{\n "services": {\n  "a": {\n   "targets": [{ "url": "http://h:1", "weight": 0 }],\n   "transport": "direct" } },\n "routes": {}, "rutes": 1 }';
  assert.deepEqual(
    (await problemsOf('FILE.json', text)).map((line) => line.split(' ')[0]),
    ['FILE.json:4:39', 'FILE.json:6:16'],
  );
});

test('JSON is read as the language reads it, and refused where the language refuses it', () => {
  const json = fc.json({ maxDepth: 6 });
  const mangled = fc
    .tuple(json, fc.nat(), fc.constantFrom('', ',', '"', '\\', '}', ']', '0', '\n', 'u', '\t'))
    .map(([text, at, cut]) => {
      const place = at % (text.length + 1);
      return text.slice(0, place) + cut + text.slice(place + 1);
    });
  fc.assert(
    fc.property(fc.oneof(json, mangled), (text) => {
      let expected: unknown;
      let works = true;
      try {
        expected = JSON.parse(text);
      } catch {
        works = false;
      }
      try {
        assert.deepEqual(readJson(text).value, expected);
        assert.ok(works, text);
      } catch (error) {
        if (!(error instanceof JsonProblem)) throw error;
        assert.ok(!works || error.message === 'this key is repeated', `${text}: ${error.message}`);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('a configuration of more than 1048576 characters is not parsed, and one of as many is', async () => {
  const empty = '{"services":{},"routes":{}}';
  for (const [file, rest] of [
    ['FILE.json', ' '],
    ['FILE.yaml', ' #'],
  ] as const) {
    const most = `${empty}${rest}`.padEnd(1_048_576);
    assert.deepEqual(await problemsOf(file, most), []);
    assert.match(String(await problemsOf(file, `${most} `)), /1048577 characters; the limit is 1048576/);
  }
});
