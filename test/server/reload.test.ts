import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { Agent, createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { answering, guarded, plain, start } from './reloading.ts';

test('SIGHUP loads the file again', async (t) => {
  const { file, signals, ask, next } = await start(t, plain, false);
  assert.equal(await ask(), '200 old');
  await writeFile(file, answering('new'));
  signals.emit('SIGHUP', 'SIGHUP');
  assert.deepEqual(await next(), { event: 'reloaded', fields: { cause: 'SIGHUP', generation: 2 } });
  assert.equal(await ask(), '200 new');
});

test('without --watch a change of the file alone does nothing', async (t) => {
  const { file, ask, quiet } = await start(t, plain, false);
  await writeFile(file, answering('new'));
  assert.deepEqual(await quiet(), []);
  assert.equal(await ask(), '200 old');
});

test('a wrong file is reported with all that is wrong, and the old one stays; SIGHUP and --watch alike', async (t) => {
  const { file, signals, ask, next } = await start(t, plain, true);
  const wrong = 'services: {}\nroutes:\n  a: { match: { path: /a }, service: nobody }\n';
  await writeFile(file, wrong);
  const failed = await next();
  const problems = [`${file}:3:3 routes.a: no plugin`, `${file}:3:29 routes.a.service: unknown service`];
  for (const [index, start] of problems.entries())
    assert.ok((failed.fields.problems as string[])[index]?.startsWith(start), JSON.stringify(failed));
  assert.deepEqual([failed.event, failed.fields.cause], ['reload-failed', 'watch']);
  assert.equal(await ask(), '200 old');
  signals.emit('SIGHUP', 'SIGHUP');
  assert.deepEqual(await next(), { event: 'reload-failed', fields: { ...failed.fields, cause: 'SIGHUP' } });
  assert.equal(await ask(), '200 old');
  await writeFile(file, answering('new'));
  assert.equal((await next()).event, 'reloaded');
  assert.equal(await ask(), '200 new');
});

test('a file that is gone is reported, and the old configuration stays', async (t) => {
  const { file, ask, next } = await start(t, plain, true);
  await rm(file);
  const { event, fields } = await next();
  assert.equal(event, 'reload-failed');
  assert.match(String((fields.problems as string[])[0]), /ENOENT/);
  assert.equal(await ask(), '200 old');
  await writeFile(file, answering('new'));
  assert.equal((await next()).event, 'reloaded');
});

test('a file that became a pipe is reported and not read, and the old configuration stays', async (t) => {
  const { file, signals, ask, next } = await start(t, plain, false);
  await rm(file);
  execFileSync('mkfifo', [file]);
  signals.emit('SIGHUP', 'SIGHUP');
  const { event, fields } = await next();
  assert.equal(event, 'reload-failed');
  assert.match(String(fields.problems), /not a regular file/);
  assert.equal(await ask(), '200 old');
});

test('a reload whose secret never comes does not keep the server from stopping', async (t) => {
  const { file, secrets, signals, clock, serving, heard, quiet } = await start(t, plain, false);
  secrets.set('env:KEY', new Promise(() => {}));
  await writeFile(
    file,
    guarded('plugins: { webhook: { provider: github, secret: "env:KEY" } }', '').replace('/*', '/hook'),
  );
  signals.emit('SIGHUP', 'SIGHUP');
  assert.deepEqual(await quiet(), []);
  signals.emit('SIGTERM', 'SIGTERM');
  await clock.run(Promise.race([serving.stopped, clock.sleep(60_000)]));
  assert.deepEqual(
    heard.rest().map(({ event }) => event),
    ['stopping', 'stopped'],
  );
});

test('a reload whose secret never comes fails after a minute, and the next one is tried', async (t) => {
  const { file, secrets, signals, clock, next, ask } = await start(t, plain, false);
  secrets.set('env:KEY', new Promise(() => {}));
  await writeFile(
    file,
    guarded('plugins: { webhook: { provider: github, secret: "env:KEY" } }', '').replace('/*', '/hook'),
  );
  signals.emit('SIGHUP', 'SIGHUP');
  await clock.run(clock.sleep(61_000));
  const { event, fields } = await next();
  assert.equal(event, 'reload-failed');
  assert.match(String(fields.problems), /was not loaded within 60 s/);
  assert.equal(await ask(), '200 old');
  secrets.set('env:KEY', 'a secret of the test');
  signals.emit('SIGHUP', 'SIGHUP');
  assert.equal((await next()).event, 'reloaded');
});

test('SIGHUP reads the secrets again', async (t) => {
  const make = async (folder: string) => {
    const file = join(folder, 'postern.yaml');
    await writeFile(file, answering('old'));
    return file;
  };
  const { file, secrets, signals, next } = await start(t, make, false);
  await writeFile(
    file,
    guarded('plugins: { webhook: { provider: github, secret: "env:KEY" } }', '').replace('/*', '/hook'),
  );
  signals.emit('SIGHUP', 'SIGHUP');
  assert.equal((await next()).event, 'reload-failed');
  secrets.set('env:KEY', 'a secret of the test');
  signals.emit('SIGHUP', 'SIGHUP');
  assert.equal((await next()).event, 'reloaded');
});

test('what only a restart changes is named at each reload until it is as at the start', async (t) => {
  const { file, signals, next } = await start(t, plain, false);
  const changed = 'server: { drainTimeout: 1s, limits: { connections: 5 } }\n';
  for (const more of [changed, changed]) {
    await writeFile(file, answering('new', more));
    signals.emit('SIGHUP', 'SIGHUP');
    let line = await next();
    while (line.event === 'drained') line = await next();
    assert.equal(line.event, 'reloaded');
    assert.deepEqual(await next(), { event: 'restart-needed', fields: { options: ['server.limits'] } });
  }
});

/** A target that says over which of its connections a request came. */
async function startTarget(t: TestContext) {
  const sockets: Socket[] = [];
  const target = createServer((request, response) => response.end(String(sockets.indexOf(request.socket))));
  target.on('connection', (socket) => sockets.push(socket));
  await once(target.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    target.closeAllConnections();
    target.close();
  });
  const { port } = target.address() as AddressInfo;
  const services = (timeout: string, open = 'true') => `services:
  kept: { targets: [{ url: "http://127.0.0.1:${port}" }], transport: direct }
  changed: { targets: [{ url: "http://127.0.0.1:${port}" }], transport: direct, timeout: ${timeout} }
routes:
  kept: { match: { path: /kept }, service: kept, open: ${open} }
  changed: { match: { path: /changed }, service: changed, open: ${open} }
`;
  const isOpen = (index: number) => sockets[index]?.destroyed === false;
  return { services, sockets, isOpen };
}

test('a service that stays as it was keeps its connections, and those of a changed one are closed', async (t) => {
  const { services, sockets, isOpen } = await startTarget(t);
  const make = async (folder: string) => {
    const file = join(folder, 'postern.yaml');
    await writeFile(file, services('10s'));
    return file;
  };
  const { file, signals, ask, next, clock } = await start(t, make, false);
  assert.deepEqual([await ask('/kept'), await ask('/changed')], ['200 0', '200 1']);
  for (let reloads = 1; reloads <= 10; reloads += 1) {
    await writeFile(file, services(`${10 + reloads}s`));
    signals.emit('SIGHUP', 'SIGHUP');
    assert.equal((await next()).event, 'reloaded');
    assert.equal((await next()).event, 'drained');
    assert.deepEqual([await ask('/kept'), await ask('/changed')], ['200 0', `200 ${reloads + 1}`]);
  }
  while (sockets.filter(({ destroyed }) => !destroyed).length > 2) await clock.advance(0);
  assert.deepEqual([isOpen(0), isOpen(10), isOpen(11)], [true, false, true]);
  // Reloads leave no timer behind: what sleeps is the listener's watch.
  assert.equal(clock.sleepers, 1);
});

test('a wrong file leaves no connection and no service behind', async (t) => {
  const { services, sockets } = await startTarget(t);
  const make = async (folder: string) => {
    const file = join(folder, 'postern.yaml');
    await writeFile(file, services('10s'));
    return file;
  };
  const { file, signals, ask, next } = await start(t, make, false);
  assert.equal(await ask('/kept'), '200 0');
  await writeFile(file, services('11s', 'false'));
  signals.emit('SIGHUP', 'SIGHUP');
  assert.equal((await next()).event, 'reload-failed');
  assert.equal(await ask('/kept'), '200 0');
  assert.equal(sockets.length, 1);
});

test('a client keeps its connection over reloads', async (t) => {
  const { file, signals, serving, next } = await start(t, plain, false);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const ports = new Set<number | undefined>();
  for (const body of ['one', 'two', 'three']) {
    await writeFile(file, answering(body));
    signals.emit('SIGHUP', 'SIGHUP');
    while ((await next()).event !== 'reloaded') {}
    const sent = get({ host: '127.0.0.1', port: serving.address.port, agent });
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    let text = '';
    for await (const chunk of answer) text += chunk;
    assert.equal(text, body);
    ports.add(sent.socket?.localPort);
  }
  assert.equal(ports.size, 1);
});

test('a stop while a file is being loaded ends at once', async (t) => {
  const { signals, clock, serving } = await start(t, plain, false);
  signals.emit('SIGHUP', 'SIGHUP');
  signals.emit('SIGTERM', 'SIGTERM');
  const before = clock.monotonic();
  await serving.stopped;
  assert.equal(clock.monotonic(), before);
});
