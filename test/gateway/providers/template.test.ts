import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import test from 'node:test';
import fc from 'fast-check';
import { compileTemplate, type SignedTemplate } from '../../../gateway/providers/scheme/template.ts';
import { flat, outcome, providerNamed, verifierOf } from './verify.ts';

const ambiguous: readonly (readonly [template: string, message: RegExp])[] = [
  ['{body}.{id}', /\{id\} comes after \{body\}/],
  ['{body}{id}', /\{id\} comes after \{body\}/],
  ['{timestamp}.{body}.{id}', /\{id\} comes after \{body\}/],
  ['{body}:{id}:end', /\{id\} comes after \{body\}/],
  ['{body}{timestamp}{id}', /\{id\} comes after \{body\}/],
  ['{id}{body}', /between \{id\} and \{body\}/],
  ['{id}{timestamp}{body}', /between \{id\} and \{timestamp\}/],
];

for (const [template, message] of ambiguous) {
  test(`a template whose parts could be cut elsewhere does not load: ${template}`, () => {
    assert.match(compileTemplate(template) as string, message);
  });
}

/** Templates that load: literals of characters that ids and bodies have too, so that every cut is tempting. */
const literal = fc.stringMatching(/^[.a1:]{0,3}$/);
const templates = fc
  .tuple(
    fc.shuffledSubarray(['{id}', '{timestamp}', '{body}'], { minLength: 1 }),
    fc.array(literal, { minLength: 4, maxLength: 4 }),
  )
  .map(([names, literals]) => names.map((name, at) => `${literals[at]}${name}`).join('') + literals[3])
  .map((text) => ({ text, template: compileTemplate(text) }))
  .filter((made): made is { text: string; template: SignedTemplate } => typeof made.template !== 'string');

const idForm = /^[\x21-\x2b\x2d-\x7e]{1,256}$/;
const timeForm = /^[1-9][0-9]{9}$/;

/** What a request may carry, by the rules of the headers. */
const admits = ({ endOfId }: SignedTemplate, id: string, time: string) =>
  idForm.test(id) && timeForm.test(time) && (endOfId === undefined || !id.includes(endOfId));

const signedBytes = (template: SignedTemplate, id: string, time: string, body: string) =>
  `${template.before(id, time)}${body}${template.after(time)}`;

const ids = fc.stringMatching(/^[.a1:]{1,6}$/);
const times = fc.oneof(
  fc.constantFrom('1111111111', '1111111112', '1900000000'),
  fc.stringMatching(/^[19][01]{9}$/),
);
const bodies = fc.oneof(
  fc.stringMatching(/^[.a1:]{0,14}$/),
  fc.stringMatching(/^[.a:]{0,2}1{10,12}[.a:]{0,2}$/),
);

test('for every template that loads, no other id, time and body give the same signed bytes', () => {
  let cuts = 0;
  fc.assert(
    fc.property(templates, ids, times, bodies, ({ text, template }, id, time, body) => {
      fc.pre(admits(template, id, time));
      const { usesId, usesTimestamp } = template;
      const bytes = signedBytes(template, id, time, body);
      // Every part of the bytes as an id, as a time and as a body: whatever gives the same bytes must be what was signed.
      for (const otherId of usesId ? partsOf(bytes, 1, 8) : [id]) {
        for (const otherTime of usesTimestamp ? partsOf(bytes, 10, 10) : [time]) {
          if (!admits(template, otherId, otherTime)) continue;
          const before = template.before(otherId, otherTime);
          const after = template.after(otherTime);
          if (before.length + after.length > bytes.length) continue;
          const otherBody = bytes.slice(before.length, bytes.length - after.length);
          if (signedBytes(template, otherId, otherTime, otherBody) !== bytes) continue;
          cuts += 1;
          assert.deepEqual([otherId, otherTime, otherBody], [id, time, body], text);
        }
      }
    }),
    { numRuns: 2_000 },
  );
  assert.ok(cuts > 1_000, 'the search finds what was signed itself');
});

function partsOf(text: string, least: number, most: number): Set<string> {
  const parts = new Set<string>();
  for (let from = 0; from < text.length; from += 1)
    for (let length = least; length <= most && from + length <= text.length; length += 1)
      parts.add(text.slice(from, from + length));
  return parts;
}

test('a signature is not accepted for another cut of the same bytes', () => {
  const secret = 'a secret of many bytes';
  const options = { header: 'x-sig', idHeader: 'x-id', timestampHeader: 'x-time' };
  const sign = (text: string) => createHmac('sha256', secret).update(text).digest('hex');
  const cuts: readonly (readonly [
    signed: string,
    honest: readonly [id: string, time: string, body: string],
    cut: readonly [id: string, time: string, body: string],
  ])[] = [
    ['{id}.{timestamp}.{body}', ['a', '1900000000', '1900000001.x'], ['a.1900000000', '1900000001', 'x']],
    ['{id}:{timestamp}.{body}', ['a', '1900000000', 'x'], ['a', '19000000', '00.x']],
    ['{timestamp}{body}', ['x', '1900000000', '123'], ['x', '1900000000123', '']],
    ['{timestamp}{body}', ['x', '1900000000', '123'], ['x', '190000000', '0123']],
    ['{body}{timestamp}', ['x', '1900000001', '123'], ['x', '31900000001', '12']],
    ['{body}{timestamp}', ['x', '1900000001', '120'], ['x', '01900000001', '12']],
    // The text that ends the id begins again within itself.
    ['{id}aba{timestamp}{body}', ['xab', '1900000000', ''], ['x', '1900000000', 'aba']],
    ['{id}aba{body}', ['x', '1900000000', 'baz'], ['xab', '1900000000', 'z']],
  ];
  for (const [signed, honest, cut] of cuts) {
    const needs = {
      ...(signed.includes('{id}') ? {} : { idHeader: undefined }),
      ...(signed.includes('{timestamp}') ? {} : { timestampHeader: undefined }),
    };
    const verify = verifierOf(providerNamed('hmac'), { ...options, ...needs, signed }, [secret]);
    const fill = ([id, time, body]: readonly [string, string, string]) =>
      signed.replace('{id}', id).replace('{timestamp}', time).replace('{body}', body);
    const judge = ([id, time, body]: readonly [string, string, string]) =>
      outcome(verify, flat({ 'x-sig': sign(fill(honest)), 'x-id': id, 'x-time': time }), Buffer.from(body));
    // An id with the beginning of what ends it is refused, honest or not.
    if (honest[0] !== 'xab') assert.equal(judge(honest), 'accepted', signed);
    assert.notEqual(judge(cut), 'accepted', `${signed}: ${cut}`);
  }
});
