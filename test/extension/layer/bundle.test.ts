import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundleExtension } from '../../../extension/layer/bundle.ts';

test('the bundle is the same each time, one small file that can be executed', async () => {
  const [first, second] = await Promise.all([
    bundleExtension('/var/lang/bin/node'),
    bundleExtension('/var/lang/bin/node'),
  ]);
  assert.ok(Buffer.from(first).equals(second));
  const text = Buffer.from(first).toString('utf8');
  assert.ok(text.startsWith('#!/var/lang/bin/node\n'));
  assert.ok(first.length < 64 * 1024, `${first.length} bytes: each of them is compiled at every cold start`);
});

test('the bundle loads nothing of Node that makes a cold start slow', async () => {
  const text = Buffer.from(await bundleExtension('/opt/postern/node')).toString('utf8');
  const loaded = [...text.matchAll(/require\("([^"]+)"\)/g)].map(([, name]) => name);
  // node:https is loaded where an https address is called; undici, behind fetch and Headers, never.
  const allowed = ['node:child_process', 'node:crypto', 'node:fs', 'node:http', 'node:net', 'node:path'];
  assert.deepEqual(
    loaded.filter((name) => !allowed.includes(name ?? '')),
    [],
  );
  assert.doesNotMatch(text, /\bfetch\(|new (Headers|Request|Response|WebSocket)\b/);
});
