import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { certificateDirectories, daemonEnvironment } from '../../extension/daemon-environment.ts';

function scratch(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'postern-test-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test("tailscaled gets the marks of Lambda and a memory limit, and nothing secret of the function's", () => {
  const marks = {
    AWS_LAMBDA_FUNCTION_NAME: 'fn',
    AWS_LAMBDA_FUNCTION_VERSION: '1',
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_RUNTIME_API: '127.0.0.1:9001',
  };
  const secrets = { AWS_SECRET_ACCESS_KEY: 's', AWS_SESSION_TOKEN: 't', TS_AUTHKEY: 'k', DATABASE_URL: 'd' };
  const environment = daemonEnvironment({ ...marks, ...secrets, PATH: '/bin' }, '/none');
  assert.deepEqual(environment, {
    ...marks,
    PATH: '/bin',
    HOME: '/tmp',
    GOMEMLIMIT: '48MiB',
    TS_NO_LOGS_NO_SUPPORT: 'true',
    TS_DISABLE_PORTMAPPER: 'true',
  });
});

test("a memory limit of the function's own is kept", () => {
  assert.equal(daemonEnvironment({ GOMEMLIMIT: '96MiB' }, '/none').GOMEMLIMIT, '96MiB');
});

test('extra authorities are trusted beside those of the system or of the function', (t) => {
  const ssl = scratch(t);
  const system = '/etc/ssl/certs:/etc/pki/tls/certs';
  writeFileSync(join(ssl, 'README.txt'), '');
  assert.equal(certificateDirectories(undefined, ssl), undefined, 'a text is not a certificate');
  assert.equal(certificateDirectories('/own', ssl), '/own');
  writeFileSync(join(ssl, 'ca.pem'), '');
  assert.equal(certificateDirectories(undefined, ssl), `${system}:${ssl}`);
  assert.equal(certificateDirectories('/own', ssl), `/own:${ssl}`);
  assert.equal(certificateDirectories(undefined, join(ssl, 'missing')), undefined);
});
