import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Readiness } from '../../gateway/upstream/readiness.ts';
import { type AdminSubject, startAdmin } from '../../server/admin.ts';

const yes: Readiness = { ready: true, epoch: 0 };
const no: Readiness = { ready: false, code: 'tunnel:key-expired', detail: 'the key expired on Monday' };

async function open(
  t: TestContext,
  services: Readonly<Record<string, Readiness>>,
  stopping = false,
  refused: AdminSubject['refused'] = () => {},
) {
  const subject: AdminSubject = {
    ready: async () => new Map(Object.entries(services)),
    stopping: () => stopping,
    metrics: () => 'a 1\n',
    refused,
  };
  const admin = await startAdmin(subject, { host: '127.0.0.1', port: 0 });
  t.after(() => admin.close());
  return (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${admin.address.port}${path}`, init);
}

test('/healthz says that the process lives, whatever else is wrong', async (t) => {
  const ask = await open(t, { builds: no }, true);
  const answer = await ask('/healthz');
  assert.equal(answer.status, 200);
  assert.deepEqual(await answer.json(), { alive: true });
});

test('/readyz is 200 when every service can be reached', async (t) => {
  const ask = await open(t, { builds: yes, wiki: yes });
  const answer = await ask('/readyz?verbose');
  assert.equal(answer.status, 200);
  assert.deepEqual(await answer.json(), {
    ready: true,
    stopping: false,
    services: { builds: { ready: true }, wiki: { ready: true } },
  });
});

test('/readyz is 503 with the cause when one cannot', async (t) => {
  const ask = await open(t, { builds: no, wiki: yes });
  const answer = await ask('/readyz');
  assert.equal(answer.status, 503);
  assert.deepEqual(await answer.json(), {
    ready: false,
    stopping: false,
    services: {
      builds: { ready: false, code: 'tunnel:key-expired', detail: 'the key expired on Monday' },
      wiki: { ready: true },
    },
  });
});

test('/readyz is 503 while the process stops', async (t) => {
  const ask = await open(t, { wiki: yes }, true);
  const answer = await ask('/readyz');
  assert.equal(answer.status, 503);
  assert.deepEqual(await answer.json(), {
    ready: false,
    stopping: true,
    services: { wiki: { ready: true } },
  });
});

test('/metrics is in the text format of Prometheus, also while the process stops', async (t) => {
  const ask = await open(t, { builds: no }, true);
  const answer = await ask('/metrics');
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  assert.equal(await answer.text(), 'a 1\n');
});

test('HEAD gets the status without a body', async (t) => {
  const ask = await open(t, {});
  const answer = await ask('/readyz', { method: 'HEAD' });
  assert.equal(answer.status, 200);
  assert.equal(await answer.text(), '');
});

const refused = [
  ['GET', '/', 404, 'admin:not-found'],
  ['GET', '/healthz/', 404, 'admin:not-found'],
  ['POST', '/readyz', 405, 'admin:method-not-allowed'],
] as const;
for (const [method, path, status, code] of refused) {
  test(`${method} ${path} is refused as a problem`, async (t) => {
    const ask = await open(t, {});
    const answer = await ask(path, { method });
    assert.equal(answer.status, status);
    assert.equal(answer.headers.get('content-type'), 'application/problem+json');
    assert.equal(((await answer.json()) as { code: string }).code, code);
  });
}

test('every id that is given out is told, with what was asked for and without its query', async (t) => {
  const told: unknown[][] = [];
  const ask = await open(t, {}, false, (id, { code }, method, path) => told.push([id, code, method, path]));
  const missing = (await (await ask('/nothing?token=secret')).json()) as { id: string };
  const posted = (await (await ask('/healthz', { method: 'POST' })).json()) as { id: string };
  assert.deepEqual(told, [
    [missing.id, 'admin:not-found', 'GET', '/nothing'],
    [posted.id, 'admin:method-not-allowed', 'POST', '/healthz'],
  ]);
});
