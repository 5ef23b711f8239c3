import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import test from 'node:test';
import { everything } from '../../../../base/named.ts';
import { ConfigurationError } from '../../../../base/schema/configuration-error.ts';
import {
  loadTransports,
  parseTransport,
  transportForms,
} from '../../../../gateway/upstream/transports/index.ts';

const right: readonly (readonly [text: string, kind: string, guarded: boolean])[] = [
  ['direct', 'direct', false],
  ['tailnet', 'tailnet', true],
  ['socks5://127.0.0.1:1080', 'socks5', true],
  ['socks5://proxy.example.com:65535/', 'socks5', true],
  ['socks5://[::1]:1', 'socks5', true],
  ['SOCKS5://proxy:1080', 'socks5', true],
];
for (const [text, kind, guarded] of right) {
  test(`${text} is the transport ${kind}, ${guarded ? 'whose targets are guarded' : 'to any target'}`, async () => {
    const parsed = await parseTransport(text);
    assert.equal(parsed.kind.name, kind);
    assert.equal(parsed.kind.guarded, guarded);
    assert.equal(typeof parsed.create, 'function');
  });
}

const wrong: readonly (readonly [text: string, hint: RegExp])[] = [
  ['', /write one of (?:\S+, )*socks5:\/\/HOST:PORT, /],
  ['Tailnet', /write one of/],
  ['http://127.0.0.1:1080', /write one of/],
  ['socks5', /an example is socks5:\/\/127\.0\.0\.1:1080/],
  ['socks5://', /an example is/],
  ['socks5://127.0.0.1', /an example is/],
  ['socks5://127.0.0.1:0', /an example is/],
  ['socks5://127.0.0.1:65536', /an example is/],
  ['socks5://::1:1080', /an example is/],
  ['socks5://127.0.0.1:1080/path', /an example is/],
  ['socks5://a b:1080', /an example is/],
  ['socks5h://127.0.0.1:1080', /the proxy always resolves names/],
  ['socks4://127.0.0.1:1080', /only SOCKS5/],
  ['socks5://user:hunter2@127.0.0.1:1080', /without user and password/],
  ['socks5:user:hunter2@127.0.0.1:1080', /without user and password/],
  ['socks5://user:hunter2', /an example is/],
  ['sock5://user:hunter2@127.0.0.1:1080', /write one of/],
  ['http://user:hunter2@127.0.0.1:1080', /write one of/],
  ['hunter2', /write one of/],
];
for (const [text, hint] of wrong) {
  test(`${JSON.stringify(text)} is refused with a hint`, async () => {
    await assert.rejects(
      parseTransport(text),
      (error: ConfigurationError) =>
        error instanceof ConfigurationError &&
        hint.test(error.hint ?? '') &&
        !`${error.message}${error.hint}`.includes('hunter2'),
    );
  });
}

test('each kind is loaded by its name alone, and lies in the file of its name', async () => {
  const folder = new URL('../../../../gateway/upstream/transports/', import.meta.url);
  const files = readdirSync(folder).filter((file) => file !== 'index.ts');
  for (const file of files) {
    const loaded = await loadTransports((name) => `${name}.ts` === file);
    assert.deepEqual(
      loaded.map(({ name }) => `${name}.ts`),
      [file],
    );
  }
});

test('each kind has a name and a form of its own, and no text is two kinds', async () => {
  const transports = await loadTransports(everything);
  assert.equal(new Set(transports.map(({ name }) => name)).size, transports.length);
  assert.equal(new Set(transportForms).size, transports.length);
  for (const [text] of right) {
    assert.equal(transports.filter((kind) => kind.parse(text) !== undefined).length, 1, text);
  }
});
