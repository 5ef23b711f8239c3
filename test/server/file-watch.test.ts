import assert from 'node:assert/strict';
import { mkdir, open as openFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { answering, guarded, plain, start } from './reloading.ts';

async function below(folder: string): Promise<string> {
  await mkdir(join(folder, 'conf'));
  await writeFile(join(folder, 'conf', 'postern.yaml'), answering('old'));
  return join(folder, 'conf', 'postern.yaml');
}

/** Ways in which the file changes, each as one step that must be seen. */
const ways: Readonly<
  Record<
    string,
    {
      readonly make: (folder: string) => Promise<string>;
      readonly change: (folder: string, body: string) => Promise<void>;
    }
  >
> = {
  'written in place': {
    make: plain,
    change: (folder, body) => writeFile(join(folder, 'postern.yaml'), answering(body)),
  },
  'renamed to its place, as editors do': {
    make: plain,
    async change(folder, body) {
      await writeFile(join(folder, '.postern.yaml.swp'), answering(body));
      await rename(join(folder, '.postern.yaml.swp'), join(folder, 'postern.yaml'));
    },
  },
  'removed and written again': {
    make: plain,
    async change(folder, body) {
      await rm(join(folder, 'postern.yaml'));
      await writeFile(join(folder, 'postern.yaml'), answering(body));
    },
  },
  'replaced below a link to its folder, as Kubernetes does': {
    async make(folder) {
      await mkdir(join(folder, '..1'));
      await writeFile(join(folder, '..1', 'postern.yaml'), answering('old'));
      await symlink('..1', join(folder, '..data'));
      await symlink('..data/postern.yaml', join(folder, 'postern.yaml'));
      return join(folder, 'postern.yaml');
    },
    async change(folder, body) {
      await mkdir(join(folder, body));
      await writeFile(join(folder, body, 'postern.yaml'), answering(body));
      await symlink(body, join(folder, '..data_tmp'));
      await rename(join(folder, '..data_tmp'), join(folder, '..data'));
    },
  },
  'written where a link leads, in another folder': {
    async make(folder) {
      await mkdir(join(folder, 'real'));
      await mkdir(join(folder, 'links'));
      await writeFile(join(folder, 'real', 'a.yaml'), answering('old'));
      await symlink(join(folder, 'real', 'a.yaml'), join(folder, 'links', 'postern.yaml'));
      return join(folder, 'links', 'postern.yaml');
    },
    change: (folder, body) => writeFile(join(folder, 'real', 'a.yaml'), answering(body)),
  },
  'in a folder that another takes the place of': {
    make: below,
    async change(folder, body) {
      await mkdir(join(folder, body));
      await writeFile(join(folder, body, 'postern.yaml'), answering(body));
      await rename(join(folder, 'conf'), join(folder, `before-${body}`));
      await rename(join(folder, body), join(folder, 'conf'));
    },
  },
  'in a folder that was removed and made again': {
    make: below,
    async change(folder, body) {
      await rm(join(folder, 'conf'), { recursive: true });
      await mkdir(join(folder, 'conf'));
      await writeFile(join(folder, 'conf', 'postern.yaml'), answering(body));
    },
  },
  'in a release whose folder is a link': {
    async make(folder) {
      await mkdir(join(folder, 'r1'));
      await writeFile(join(folder, 'r1', 'postern.yaml'), answering('old'));
      await symlink('r1', join(folder, 'current'));
      return join(folder, 'current', 'postern.yaml');
    },
    async change(folder, body) {
      await mkdir(join(folder, body));
      await writeFile(join(folder, body, 'postern.yaml'), answering(body));
      await symlink(body, join(folder, 'next'));
      await rename(join(folder, 'next'), join(folder, 'current'));
    },
  },
};
for (const [how, { make, change }] of Object.entries(ways)) {
  test(`--watch sees a file that was ${how}, and sees it the second time too`, async (t) => {
    const { folder, ask, next, quiet } = await start(t, make, true);
    for (const [index, body] of ['one', 'two'].entries()) {
      await change(folder, body);
      assert.deepEqual(await next(), {
        event: 'reloaded',
        fields: { cause: 'watch', generation: index + 2 },
      });
      assert.equal(await ask(), `200 ${body}`);
      assert.deepEqual(
        (await quiet()).map(({ event }) => event),
        ['drained'],
      );
    }
  });
}

test('--watch sees what is written where a link leads after it was replaced, and no longer where it led', async (t) => {
  async function make(folder: string): Promise<string> {
    for (const name of ['first', 'second']) {
      await mkdir(join(folder, name));
      await writeFile(join(folder, name, 'postern.yaml'), answering(name));
    }
    await symlink('first', join(folder, 'current'));
    return join(folder, 'current', 'postern.yaml');
  }
  const { folder, ask, next, quiet } = await start(t, make, true);
  await symlink('second', join(folder, 'next'));
  await rename(join(folder, 'next'), join(folder, 'current'));
  assert.equal((await next()).event, 'reloaded');
  assert.equal(await ask(), '200 second');
  await quiet();
  await writeFile(join(folder, 'first', 'postern.yaml'), answering('nothing'));
  assert.deepEqual(await quiet(), []);
  await writeFile(join(folder, 'second', 'postern.yaml'), answering('third'));
  assert.equal((await next()).event, 'reloaded');
  assert.equal(await ask(), '200 third');
});

test('a file with the same text, and other files in its folder, replace nothing', async (t) => {
  const { folder, file, quiet } = await start(t, plain, true);
  await writeFile(file, answering('old'));
  await writeFile(join(folder, 'notes.txt'), 'something else');
  assert.deepEqual(await quiet(), []);
});

test('a file that is written in pieces applies when it has rested for 100 ms, and not before', async (t) => {
  const { file, clock, ask, heard, next } = await start(t, plain, true);
  const handle = await openFile(file, 'w');
  // The first piece is a whole file by itself: only the time tells that it is not all.
  const pieces = [
    answering('new'),
    '  b: { match: { path: /b },',
    ' open: true,',
    ' answer: { status: 204 } }\n',
  ];
  for (const piece of pieces) {
    await handle.write(piece);
    // In small steps, so that what is read of the file is read in them.
    for (let passed = 0; passed < 96; passed += 4) await clock.advance(4);
    assert.deepEqual(heard.rest(), []);
    assert.equal(await ask('/b'), '200 old');
  }
  await handle.close();
  assert.equal((await next()).event, 'reloaded');
  assert.equal(await ask('/b'), '204 ');
});

test('a file that is cut to nothing and then written does not apply in between', async (t) => {
  const { file, clock, ask, heard, next } = await start(t, plain, true);
  const handle = await openFile(file, 'w');
  for (let passed = 0; passed < 96; passed += 4) await clock.advance(4);
  assert.deepEqual(heard.rest(), []);
  assert.equal(await ask(), '200 old');
  await handle.write(answering('new'));
  await handle.close();
  assert.equal((await next()).event, 'reloaded');
  assert.equal(await ask(), '200 new');
});

const local = 'plugins: { source-ip: { allow: [127.0.0.1/32] } }';
const anyone = 'plugins: { source-ip: { allow: [0.0.0.0/0, "::/0"] } }';
const losses: readonly (readonly [what: string, before: string, after: string, lost: readonly string[]])[] = [
  [
    'a plugin for every route',
    guarded('open: true', 'plugins: { size-limit: { max: 1KiB } }\n'),
    guarded('open: true', ''),
    ['plugins: size-limit'],
  ],
  [
    'a plugin before the routes',
    guarded('open: true', 'entry: { source-ip: { allow: [127.0.0.1/32] } }\n'),
    guarded('open: true', ''),
    ['entry: source-ip', 'routes.a: source-ip'],
  ],
  ['the guard of a route', guarded(local, ''), guarded('open: true', ''), ['routes.a: source-ip']],
  [
    'what a guard keeps away',
    guarded(local, ''),
    guarded(`open: true, ${anyone}`, ''),
    ['routes.a: source-ip'],
  ],
  [
    'a guarded route, whose requests another one takes then',
    guarded('open: true', `  b: { match: { path: /b }, answer: { status: 200 }, ${local} }\n`),
    guarded('open: true', ''),
    ['routes.b: source-ip'],
  ],
  [
    'the guard of a consumer',
    guarded('open: true', `consumers: { c: { match: "subject.id == 'c'", ${local} } }\n`),
    guarded('open: true', `consumers: { c: { match: "subject.id == 'c'" } }\n`),
    ['consumers.c: source-ip'],
  ],
  [
    'a header that a plugin of a route owned',
    guarded('open: true, plugins: { request-headers: { own: [X_Team, x-user] } }', ''),
    guarded('open: true, plugins: { request-headers: { own: [x-user] } }', ''),
    ['own: x-team'],
  ],
];
for (const [what, before, after, lost] of losses) {
  test(`a file that loses ${what} is held back by --watch, and applies on SIGHUP`, async (t) => {
    const make = async (folder: string) => {
      const file = join(folder, 'postern.yaml');
      await writeFile(file, before);
      return file;
    };
    const { file, signals, next, quiet } = await start(t, make, true);
    await writeFile(file, after);
    assert.deepEqual(await next(), { event: 'reload-held', fields: { lost } });
    assert.deepEqual(await quiet(), []);
    signals.emit('SIGHUP', 'SIGHUP');
    assert.deepEqual(await next(), { event: 'reloaded', fields: { cause: 'SIGHUP', generation: 2 } });
  });
}
