import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cached, cacheFolder } from '../../../extension/layer/cache.ts';

const variables = ['POSTERN_CACHE', 'POSTERN_OFFLINE', 'XDG_CACHE_HOME'] as const;

/** An empty folder as the cache, until the test ends. */
function emptyCache(t: TestContext): string {
  const before = { ...process.env };
  const folder = mkdtempSync(join(tmpdir(), 'postern-cache-'));
  t.after(() => {
    rmSync(folder, { recursive: true });
    for (const name of variables) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  });
  for (const name of variables) delete process.env[name];
  process.env.POSTERN_CACHE = folder;
  return folder;
}

test('the cache is where POSTERN_CACHE says, else in the cache folder of the user', (t) => {
  const folder = emptyCache(t);
  assert.equal(cacheFolder(), folder);
  delete process.env.POSTERN_CACHE;
  process.env.XDG_CACHE_HOME = '/elsewhere';
  assert.equal(cacheFolder(), '/elsewhere/postern');
  delete process.env.XDG_CACHE_HOME;
  assert.equal(cacheFolder(), join(homedir(), '.cache', 'postern'));
});

test('what is cached is made once', (t) => {
  const folder = emptyCache(t);
  let made = 0;
  for (let time = 0; time < 2; time++) {
    const kept = cached('part-1', (directory) => {
      made++;
      writeFileSync(join(directory, 'program'), '');
    });
    assert.equal(kept, join(folder, 'part-1'));
    assert.ok(existsSync(join(kept, 'program')));
  }
  assert.equal(made, 1);
});

test('what could not be made leaves nothing behind', (t) => {
  const folder = emptyCache(t);
  const make = (directory: string) => {
    writeFileSync(join(directory, 'half'), '');
    throw new Error('no network');
  };
  assert.throws(() => cached('part-1', make), /^Error: no network$/);
  assert.deepEqual(readdirSync(folder), []);
});

test('with POSTERN_OFFLINE nothing is made, and the error says what is missing', (t) => {
  const folder = emptyCache(t);
  cached('there', () => {});
  process.env.POSTERN_OFFLINE = '1';
  const never = () => assert.fail('it was made');
  assert.equal(cached('there', never), join(folder, 'there'));
  assert.throws(() => cached('missing', never), {
    message: `missing is not in ${folder}, and POSTERN_OFFLINE forbids to build or fetch it`,
  });
});
