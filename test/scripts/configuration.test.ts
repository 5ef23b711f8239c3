import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { parseDocument } from '../../gateway/config/document.ts';
import { bundleConfiguration } from '../../scripts/build/configuration.ts';

const folder = mkdtempSync(join(tmpdir(), 'postern-configuration-'));
after(() => rmSync(folder, { recursive: true }));

function bundle(text: string): Promise<string> {
  const file = join(folder, 'postern.yaml');
  writeFileSync(file, text);
  return bundleConfiguration(file, folder);
}

const services = 'services: { a: { targets: [{ url: http://builder:9 }], transport: direct } }\n';

test('a function can read what was put beside it, with characters that cannot be seen', async () => {
  for (const written of ['\\u202e', '\\ufeff', '\\x85', '\\ud83d\\ude00', '\\u2028', 'é']) {
    const literal = `request.headers['x-a'] == '${written}'`;
    const path = await bundle(
      `${services}routes: { r: { match: { path: /r }, service: a, plugins: { authorize: { allow: "${literal}" } } } }\n`,
    );
    const { value } = await parseDocument({ file: path, text: readFileSync(path, 'utf8') });
    const { allow } = (value as { routes: { r: { plugins: { authorize: { allow: string } } } } }).routes.r
      .plugins.authorize;
    assert.equal(allow, JSON.parse(`"${literal}"`.replace('\\x85', '\\u0085')));
  }
});

test('what a function would refuse to load is refused when it is built', async () => {
  const ranges = Array.from({ length: 3_000 }, (_, at) => `10.${at >> 8}.${at & 255}.0/24`).join(', ');
  const more = Array.from(
    { length: 30 },
    (_, at) => `  r${at}: { match: { path: /${at} }, service: a, plugins: *p }`,
  );
  const text = `routes:\n  r: { match: { path: /r }, service: a, plugins: &p { source-ip: { allow: [${ranges}] } } }\n${more.join('\n')}\n`;
  await assert.rejects(bundle(services + text), /postern\.json it has \d+ characters; the limit is 1048576/);
});
