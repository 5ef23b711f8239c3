import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { fileURLToPath } from 'node:url';

const folder = mkdtempSync(join(tmpdir(), 'postern-explain-'));
after(() => rmSync(folder, { recursive: true }));
const program = fileURLToPath(new URL('../../bin/postern.ts', import.meta.url));
writeFileSync(
  join(folder, 'postern.yaml'),
  `services:
  a: { targets: [{ url: http://127.0.0.1:9 }], transport: direct }
routes:
  a: { match: { path: /a }, service: a, plugins: { source-ip: { allow: [127.0.0.0/8] } } }
`,
);

function explain(request: string) {
  return spawnSync(process.execPath, [program, 'explain', 'postern.yaml'], {
    cwd: folder,
    input: request,
    encoding: 'utf8',
    env: {},
  });
}

test('explain does not print what a request may hold as a credential: query, headers, lines that are wrong', () => {
  const admitted = explain(
    'GET /a?token=hunter2 HTTP/1.1\nHost: h\nAuthorization: Bearer hunter2\n\nhunter2',
  );
  assert.equal(admitted.status, 0, admitted.stderr);
  assert.match(admitted.stdout, /^admitted: it would go to a as GET \/a\?…$/m);
  for (const request of [
    'GET /a HTTP/1.1\nAuthorization Bearer hunter2\n\n',
    'Authorization: Bearer hunter2\nHost: h\n\n',
    'GET /a?token=hunter2 HTTP/3\nHost: h\n\n',
  ]) {
    const { status, stdout, stderr } = explain(request);
    assert.equal(status, 2);
    assert.ok(stderr.length > 0 && !`${stdout}${stderr}`.includes('hunter2'), stderr);
  }
  assert.ok(!admitted.stdout.includes('hunter2'));
});

test('explain takes a target in absolute-form, as a client behind an HTTP proxy sends it to postern serve', () => {
  for (const host of ['h', 'h:80']) {
    const { status, stdout } = explain(
      `GET http://${host}/a HTTP/1.1\nHost: h\nProxy-Connection: Keep-Alive\n\n`,
    );
    assert.equal(status, 0, stdout);
    assert.match(stdout, /^GET \/a on h from/);
  }
  assert.match(explain('GET https://h/a HTTP/1.1\nHost: h\n\n').stdout, /400 gateway:wrong-scheme/);
});

test('explain says that it does not read chunks, instead of taking their sizes for a part of the body', () => {
  const { status, stderr } = explain(
    'POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n',
  );
  assert.equal(status, 2);
  assert.match(stderr, /is not an HTTP request: it has transfer-encoding, .*leave that header out$/m);
});
