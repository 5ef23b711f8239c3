import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { unzipSync } from 'fflate';
import { unpackLayer, zipLayer } from '../../../extension/layer/archive.ts';
import { layerFiles } from '../../../extension/layer/layer.ts';

const parts = {
  tailscaled: Buffer.from('program'),
  licences: 'licences',
  extension: Buffer.from('#!/var/lang/bin/node\n'),
};
const layout = ['bin/tailscaled', 'extensions/postern', 'postern/licences.txt', 'ssl/README.txt'];

test('the layer has what Lambda starts, what that starts, and a place for authorities', () => {
  assert.deepEqual(Object.keys(unzipSync(zipLayer(layerFiles(parts), 9))), layout);
});

test('a layer for other runtimes brings Node along', () => {
  const files = Object.keys(
    unzipSync(
      zipLayer(layerFiles({ ...parts, node: { program: Buffer.from('node'), licence: 'licence' } }), 6),
    ),
  );
  assert.deepEqual(files, [
    'bin/tailscaled',
    'extensions/postern',
    'postern/licences.txt',
    'postern/node',
    'postern/node-licence.txt',
    'ssl/README.txt',
  ]);
});

test('the zip depends on the files alone: not on their order, the day, or the zone of the clock', () => {
  const files = layerFiles(parts);
  const zip = Buffer.from(zipLayer(files, 9));
  assert.ok(zip.equals(zipLayer(files.toReversed(), 9)));
  const script = `
    import { zipLayer } from './extension/layer/archive.ts';
    import { layerFiles } from './extension/layer/layer.ts';
    const parts = { tailscaled: Buffer.from('program'), licences: 'licences', extension: Buffer.from('#!/var/lang/bin/node\\n') };
    process.stdout.write(Buffer.from(zipLayer(layerFiles(parts), 9)).toString('base64'));`;
  const elsewhere = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: join(import.meta.dirname, '..', '..', '..'),
    env: { ...process.env, TZ: 'Pacific/Kiritimati' },
    encoding: 'utf8',
  });
  assert.equal(elsewhere, zip.toString('base64'));
});

test('modes are right in the zip: programs can be executed by everybody, the rest can be read', () => {
  const zip = Buffer.from(zipLayer(layerFiles(parts), 9));
  const modes: Record<string, string> = {};
  // Each file has a record in the central directory (APPNOTE.TXT, section 4.3.12).
  for (let at = zip.indexOf('PK\x01\x02'); at >= 0; at = zip.indexOf('PK\x01\x02', at + 4)) {
    const name = zip.subarray(at + 46, at + 46 + zip.readUInt16LE(at + 28)).toString();
    assert.equal(zip[at + 5], 3, 'made on Unix, or the mode does not count');
    modes[name] = (zip.readUInt32LE(at + 38) >>> 16).toString(8);
  }
  assert.deepEqual(modes, {
    'bin/tailscaled': '100755',
    'extensions/postern': '100755',
    'postern/licences.txt': '100644',
    'ssl/README.txt': '100644',
  });
});

test('unpacked, the modes are the same whatever the umask, and what was there before is gone', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'postern-test-'));
  const before = process.umask(0o077);
  t.after(() => {
    process.umask(before);
    rmSync(directory, { recursive: true });
  });
  writeFileSync(join(directory, 'old'), '');
  unpackLayer(layerFiles(parts), directory);
  assert.equal(statSync(join(directory, 'bin', 'tailscaled')).mode & 0o777, 0o755);
  assert.equal(statSync(join(directory, 'ssl', 'README.txt')).mode & 0o777, 0o644);
  assert.equal(readFileSync(join(directory, 'bin', 'tailscaled'), 'utf8'), 'program');
  assert.throws(() => statSync(join(directory, 'old')), { code: 'ENOENT' });
});
