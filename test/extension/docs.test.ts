import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { variables } from '../../functions/variables.ts';
import { tunnelCauses } from '../../gateway/upstream/tailnet/tunnel.ts';

const docs = join(import.meta.dirname, '..', '..', 'docs');
const page = readFileSync(join(docs, 'extension.md'), 'utf8');

test('the page of the extension says what to do about every cause, and about no other', () => {
  const documented = [...page.matchAll(/^\| `(tunnel:[a-z-]+)` \| ./gm)].map(([, code]) => code);
  // From the process that asks, if there is no extension.
  const known = Object.keys(tunnelCauses).filter((code) => code !== 'tunnel:not-answering');
  assert.deepEqual(documented.toSorted(), known.toSorted());
});

test('every variable of the tailnet stands on its page or on that of the layer', () => {
  const both = page + readFileSync(join(docs, 'layer.md'), 'utf8');
  const own = Object.keys(variables).filter((one) => /TAILNET|SOCKS|JOIN/.test(one));
  assert.ok(own.length > 5, `${own}`);
  for (const name of own) assert.ok(both.includes(`\`${name}\``), name);
});
