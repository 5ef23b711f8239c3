import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../../scripts/run.mjs', import.meta.url));

/** A repository of one task, and an npm that notes that it was called. */
async function repository(
  t: TestContext,
  npm: string,
  task = "console.log('ran', String(process.argv.slice(2)))",
) {
  const folder = await mkdtemp(join(tmpdir(), 'postern-run-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'scripts'));
  await mkdir(join(folder, 'demo'));
  await cp(script, join(folder, 'scripts', 'run.mjs'));
  await writeFile(join(folder, 'package-lock.json'), '{}\n');
  await writeFile(join(folder, 'demo', 'main.ts'), task);
  await writeFile(
    join(folder, 'npm-cli.js'),
    `const { appendFileSync, mkdirSync, rmSync, symlinkSync } = require('node:fs');
function install() { rmSync('node_modules', { recursive: true, force: true }); mkdirSync('node_modules/node/bin', { recursive: true }); symlinkSync(process.execPath, 'node_modules/node/bin/node'); }
appendFileSync('npm.log', process.argv.slice(2).join(' ') + '\\n');
${npm}`,
  );
  function startWith(more: NodeJS.ProcessEnv, ...args: string[]) {
    const child = spawn(process.execPath, [join(folder, 'scripts', 'run.mjs'), ...args], {
      env: { ...process.env, npm_execpath: join(folder, 'npm-cli.js'), ...more },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    t.after(() => child.kill('SIGKILL'));
    return child;
  }
  return {
    folder,
    start: (...args: string[]) => startWith({}, ...args),
    startWith,
    calls: () =>
      readFile(join(folder, 'npm.log'), 'utf8').then(
        (text) => text.split('\n').length - 1,
        () => 0,
      ),
    async installByHand(): Promise<void> {
      await mkdir(join(folder, 'node_modules', 'node', 'bin'), { recursive: true });
      await symlink(process.execPath, join(folder, 'node_modules', 'node', 'bin', 'node'));
      await writeFile(join(folder, 'node_modules', '.package-lock.json'), '{}\n');
    },
  };
}

async function outcome(child: ChildProcess) {
  const text = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk) => {
    text.stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    text.stderr += chunk;
  });
  const [code] = await once(child, 'close');
  return { code, ...text };
}

test('a task runs after an install, its arguments with it; the next one installs nothing', async (t) => {
  const { start, calls } = await repository(t, 'install();');
  assert.deepEqual(await outcome(start('start', 'a', 'b')), {
    code: 0,
    stdout: 'ran a,b\n',
    stderr: 'postern: installing its packages, once …\n',
  });
  assert.deepEqual(await outcome(start('start')), { code: 0, stdout: 'ran \n', stderr: '' });
  assert.equal(await calls(), 1);
});

test('a lockfile that has changed is installed again', async (t) => {
  const { folder, start, calls } = await repository(t, 'install();');
  await outcome(start('start'));
  await writeFile(join(folder, 'package-lock.json'), '{ }\n');
  await outcome(start('start'));
  assert.equal(await calls(), 2);
});

test('what was installed by hand since the lockfile changed counts', async (t) => {
  const { folder, start, calls, installByHand } = await repository(t, 'process.exit(1);');
  await installByHand();
  assert.equal((await outcome(start('start'))).code, 0);
  assert.equal(await calls(), 0);
  assert.ok((await stat(join(folder, 'node_modules', '.postern-lock'))).isFile());
});

test('what was installed by hand before the lockfile changed does not', async (t) => {
  const { folder, start, calls, installByHand } = await repository(t, 'install();');
  await installByHand();
  const later = new Date(Date.now() + 60_000);
  await utimes(join(folder, 'package-lock.json'), later, later);
  await outcome(start('start'));
  assert.equal(await calls(), 1);
});

test('an install that fails is one line with the reason, and exit 1', async (t) => {
  const failing = `console.error('npm warn something\\nnpm error code ENOTFOUND\\nnpm error syscall getaddrinfo\\nnpm error network request failed, reason: ENOTFOUND\\nnpm error A complete log of this run can be found in: x-debug-0.log'); process.exit(1);`;
  const { start } = await repository(t, failing);
  assert.deepEqual(await outcome(start('start')), {
    code: 1,
    stdout: '',
    stderr:
      'postern: installing its packages, once …\n' +
      'postern: its packages could not be installed: npm ci: network request failed, reason: ENOTFOUND\n',
  });
});

test('an unknown task is one line that names the known ones, and exit 1', async (t) => {
  const { start, calls } = await repository(t, 'install();');
  assert.deepEqual(await outcome(start('bild')), {
    code: 1,
    stdout: '',
    stderr:
      'postern: there is no task "bild"; known are start, test, bench, cost, layer, app, build, pack, check\n',
  });
  assert.equal(await calls(), 0);
});

test("a task's exit code is the script's own", async (t) => {
  const { start } = await repository(t, 'install();', 'process.exit(7)');
  assert.equal((await outcome(start('start'))).code, 7);
});

test('a signal goes on to the task, and the script ends when the task has', async (t) => {
  const task = `process.on('SIGTERM', () => { console.log('stopped'); process.exit(0); }); setInterval(() => {}, 1000); console.log('up');`;
  const { start } = await repository(t, 'install();', task);
  const child = start('start');
  const ended = outcome(child);
  await once(child.stdout as NonNullable<typeof child.stdout>, 'data');
  child.kill('SIGTERM');
  const { code, stdout } = await ended;
  assert.equal(code, 0);
  assert.equal(stdout, 'up\nstopped\n');
});

test('a task ends when the shell above the script was killed', async (t) => {
  const task = `require('node:fs').writeFileSync('pid', String(process.pid)); setInterval(() => {}, 1000);`;
  const { folder, start } = await repository(t, 'install();', task);
  // The script below a parent that dies without a word.
  await writeFile(
    join(folder, 'parent.mjs'),
    `import { spawn } from 'node:child_process'; spawn(process.execPath, ['scripts/run.mjs', 'start'], { stdio: 'ignore' }); setInterval(() => {}, 1000);`,
  );
  await outcome(start('bild'));
  const parent = spawn(process.execPath, ['parent.mjs'], {
    cwd: folder,
    env: { ...process.env, npm_execpath: join(folder, 'npm-cli.js') },
    stdio: 'ignore',
  });
  const read = () => readFile(join(folder, 'pid'), 'utf8').then(Number, () => 0);
  await waitFor(async () => (await read()) > 0);
  const pid = await read();
  parent.kill('SIGKILL');
  await waitFor(async () => !isAlive(pid));
});

async function waitFor(holds: () => Promise<boolean>, withinMs = 60_000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await holds())) {
    assert.ok(performance.now() < end, `not within ${withinMs} ms`);
    await delay(50);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A repository whose preparation and whose tests tell that they ran, and whether they may fetch. */
async function testedRepository(t: TestContext) {
  const tested = await repository(t, 'install();');
  const say = (what: string) =>
    `require('node:fs').appendFileSync('order', ${JSON.stringify(what)} + ' ' + process.env.POSTERN_OFFLINE + '\\n');`;
  await mkdir(join(tested.folder, 'test', 'e2e', 'lab'), { recursive: true });
  await mkdir(join(tested.folder, 'test', 'unit'), { recursive: true });
  await writeFile(join(tested.folder, 'test', 'e2e', 'lab', 'prepare.ts'), say('prepare'));
  for (const name of ['e2e', 'unit'])
    await writeFile(join(tested.folder, 'test', name, 'a.test.ts'), say(name));
  return { ...tested, order: () => readFile(join(tested.folder, 'order'), 'utf8') };
}

/** Neither what says that this is a test, nor what `npm test` has set for it. */
const plainEnv = { NODE_TEST_CONTEXT: undefined, POSTERN_OFFLINE: undefined };

test('what the tests need of others is fetched before all tests, and never by one', async (t) => {
  const { startWith, order } = await testedRepository(t);
  assert.equal((await outcome(startWith(plainEnv, 'test'))).code, 0);
  const [first, ...rest] = (await order()).trim().split('\n');
  assert.equal(first, 'prepare undefined');
  assert.deepEqual(rest.toSorted(), ['e2e 1', 'unit 1']);
});

test('a test that needs nothing of others runs at once', async (t) => {
  const { startWith, order } = await testedRepository(t);
  assert.equal((await outcome(startWith(plainEnv, 'test', 'test/unit/a.test.ts'))).code, 0);
  assert.equal(await order(), 'unit undefined\n');
});

test('a package is packed with what was compiled, the functions and both layers, or not at all', async (t) => {
  const { folder, start, installByHand } = await repository(t, 'install();');
  for (const [file, code] of [
    ['scripts/build.ts', 0],
    ['node_modules/typescript/bin/tsc', 0],
    ['extension/layer/build.ts', 3],
  ] as const) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    const text = `console.log(${JSON.stringify(file)}, ...process.argv.slice(2)); process.exitCode = process.argv.includes('--own-node') ? ${code} : 0;`;
    await writeFile(join(folder, file), text);
  }
  await installByHand();
  const { code, stdout } = await outcome(start('pack'));
  assert.deepEqual(stdout.trim().split('\n'), [
    'scripts/build.ts',
    'node_modules/typescript/bin/tsc -p tsconfig.build.json',
    'extension/layer/build.ts --arch all',
    'extension/layer/build.ts --arch all --own-node',
  ]);
  assert.equal(code, 3);
});
