import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { flat, providers, verifierOf } from './verify.ts';

interface Vector {
  readonly options: Readonly<Record<string, unknown>>;
  readonly secrets: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly id?: string;
  readonly event?: string;
  readonly timestampMs?: number;
}

for (const provider of providers) {
  const file = new URL(`vectors/${provider.name}.json`, import.meta.url);

  test(`${provider.name} has published vectors with their source`, () => {
    assert.ok(existsSync(file));
    const { source, vectors } = JSON.parse(readFileSync(file, 'utf8'));
    assert.ok(source.length > 10 && vectors.length > 0);
  });

  const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as { readonly vectors: readonly Vector[] };
  vectors.forEach(function checkVector(vector, at) {
    test(`${provider.name} accepts published vector ${at + 1}, and not with another body`, () => {
      const verify = verifierOf(provider, vector.options, vector.secrets);
      const headers = flat(vector.headers);
      const found = verify(headers, Buffer.from(vector.body));
      assert.ok(found.kind === 'accepted', found.kind);
      assert.equal(found.id, vector.id);
      assert.equal(found.timestampMs, vector.timestampMs);
      if (vector.event !== undefined) assert.equal(found.event, vector.event);
      assert.equal(verify(headers, Buffer.from(`${vector.body} `)).kind, 'forged');
    });
  });
}
