import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { parseAuthority } from '../../../gateway/request/host.ts';

const forms: readonly (readonly [value: string, text: string | undefined])[] = [
  ['hooks.example.com', 'hooks.example.com'],
  ['Hooks.EXAMPLE.com', 'hooks.example.com'],
  ['hooks.example.com.', 'hooks.example.com'],
  ['hooks.example.com:8443', 'hooks.example.com:8443'],
  ['hooks.example.com.:08443', 'hooks.example.com:8443'],
  ['hooks.example.com:', 'hooks.example.com'],
  ['hooks.example.com:443', 'hooks.example.com:443'],
  ['_dmarc.example.com', '_dmarc.example.com'],
  ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
  ['192.0.2.7:80', '192.0.2.7:80'],
  ['[2001:DB8:0:0:0:0:0:1]:8443', '[2001:db8::1]:8443'],
  ['[::ffff:a00:1]', '10.0.0.1'],
  ['[::ffff:10.0.0.1]:80', '10.0.0.1:80'],
  ['', undefined],
  ['.', undefined],
  ['a..', undefined],
  ['a..b', undefined],
  ['.a', undefined],
  [':80', undefined],
  ['a:0', undefined],
  ['a:65536', undefined],
  ['a:080000', undefined],
  ['a:80:80', undefined],
  ['a:+80', undefined],
  ['a:8o', undefined],
  ['127.1', undefined],
  ['2130706433', undefined],
  ['0x7f.0.0.1', undefined],
  ['0x7f000001', undefined],
  ['0177.0.0.1', undefined],
  ['192.0.2.7.8', undefined],
  ['a.0x', undefined],
  ['[192.0.2.7]', undefined],
  ['[fe80::1%eth0]', undefined],
  ['[2001:db8::1', undefined],
  ['2001:db8::1', undefined],
  ['user@a', undefined],
  ['a, a', undefined],
  ['a b', undefined],
  ['a%2eb', undefined],
  ['b\u00fccher.example', undefined],
  ['\u212aube.example', undefined],
  ['a/b', undefined],
  [`${'a'.repeat(64)}.example`, undefined],
  [Array(128).fill('a').join('.'), undefined],
];

for (const [value, text] of forms) {
  test(`the host ${JSON.stringify(value.slice(0, 40))} is ${text === undefined ? 'refused' : `read as ${text}`}`, () =>
    assert.equal(parseAuthority(value)?.text, text));
}

test('a host that is accepted has one form, which the URL standard reads as the same host', () => {
  const value = fc.string({ unit: fc.constantFrom(...'aB0.x1f-_:[]8'.split('')), maxLength: 16 });
  let accepted = 0;
  fc.assert(
    fc.property(value, (given) => {
      const found = parseAuthority(given);
      if (found === undefined) return;
      accepted += 1;
      assert.deepEqual(parseAuthority(found.text), found);
      assert.equal(new URL(`ws://${found.host}`).hostname, found.host);
    }),
    { numRuns: 5_000 },
  );
  assert.ok(accepted > 250, `only ${accepted} were accepted`);
});
