import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { bundleFunction } from '../../../scripts/build/bundle.ts';

const folder = mkdtempSync(join(tmpdir(), 'postern-rotation-'));
after(() => rmSync(folder, { recursive: true }));
const { files, inputs } = await bundleFunction('rotation', join(folder, 'rotation'));

test('the bundle has less than 100 kB zipped', () => {
  const bytes = files.reduce((sum, { zippedBytes }) => sum + zippedBytes, 0);
  assert.ok(bytes < 100_000, `${bytes} bytes`);
});

test('of the ways to credentials the environment alone is in it', () => {
  const others = inputs.filter((file) =>
    /@[a-z-]+\/credential-provider-(?!env)|token-providers|nested-clients/.test(file),
  );
  assert.deepEqual(others, []);
});

test('the AWS SDK stays out of the functions that answer requests', async () => {
  for (const name of ['forwarder', 'authorizer'] as const) {
    const bundle = await bundleFunction(name, join(folder, name));
    assert.deepEqual(
      bundle.inputs.filter((file) => /@aws-sdk|@smithy/.test(file)),
      [],
    );
  }
});
