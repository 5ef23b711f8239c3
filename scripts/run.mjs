// Runs one of the repository's tasks with the pinned Node, after installing what is missing. Plain JavaScript for Node 20, because
// it runs before anything is installed: `node scripts/run.mjs TASK [ARGUMENTS]`.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stamp = join(root, 'node_modules', '.postern-lock');
const node = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');

/** Fetches and builds what the tests need of others. */
const prepare = 'test/e2e/lab/prepare.ts';

/** Each task: the commands that it runs, one after another, until one fails. */
const tasks = {
  start: (args) => [['demo/main.ts', ...args]],
  test: (args) => [
    ...(args.length === 0 || args.some((arg) => /\b(e2e|lib)\b/.test(arg)) ? [[prepare]] : []),
    ['--test', '--test-concurrency=2', '--test-timeout=300000', ...(args.length > 0 ? args : testFiles())],
  ],
  bench: (args) => [['bench/main.ts', ...args]],
  cost: (args) => [
    ...(args.includes('--measure') ? [['bench/main.ts', 'power']] : []),
    ['cost/main.ts', ...args.filter((arg) => arg !== '--measure')],
  ],
  layer: (args) => [['extension/layer/build.ts', ...args]],
  app: (args) => [['bin/app.ts', ...args]],
  build: (args) => [
    ['scripts/build.ts', ...args],
    ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'],
  ],
  pack: () => [
    ...tasks.build([]),
    ['extension/layer/build.ts', '--arch', 'all'],
    ['extension/layer/build.ts', '--arch', 'all', '--own-node'],
  ],
  check: () => [
    ['node_modules/typescript/bin/tsc', '--noEmit', '-p', '.'],
    ['node_modules/@biomejs/biome/bin/biome', 'check', '.'],
    ['--test', 'test/architecture.test.ts'],
  ],
};

const [major = 0] = process.versions.node.split('.').map(Number);
if (major < 20) fail(`it needs Node 20 or later, and this is ${process.version}`);
const [task = '', ...args] = process.argv.slice(2);
if (!Object.hasOwn(tasks, task))
  fail(`there is no task ${JSON.stringify(task)}; known are ${Object.keys(tasks).join(', ')}`);
install();
for (const command of tasks[task](args)) {
  const code = await run(command);
  if (code !== 0) process.exit(code);
  // A test that fetches would pass or fail depending on the cache.
  if (command[0] === prepare) process.env.POSTERN_OFFLINE = '1';
}

/** Installs from the lockfile if nothing is installed or the lockfile has changed since. */
function install() {
  const lock = join(root, 'package-lock.json');
  const wanted = createHash('sha256').update(readFileSync(lock)).digest('hex');
  if (existsSync(node)) {
    if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
    if (!existsSync(stamp) && isNewer(join(root, 'node_modules', '.package-lock.json'), lock)) {
      writeFileSync(stamp, wanted);
      return;
    }
  }
  process.stderr.write('postern: installing its packages, once …\n');
  const npm = process.env.npm_execpath ?? '';
  const [command, first] = basename(npm) === 'npm-cli.js' ? [process.execPath, [npm]] : ['npm', []];
  const args = [...first, 'ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const result = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (result.status !== 0 || !existsSync(node))
    fail(`its packages could not be installed: ${reasonOf(result)}`);
  writeFileSync(stamp, wanted);
}

/** Whether packages were installed by hand since the lockfile was written: npm keeps its own copy of what it installed. */
function isNewer(installed, lock) {
  return existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs;
}

/** npm's own words in one line, without the lines that only point to its log. */
function reasonOf({ error, stdout, stderr }) {
  if (error) return `npm could not be started: ${error.message}`;
  const said = `${stderr ?? ''}\n${stdout ?? ''}`
    .split('\n')
    .map((line) => line.replace(/^npm (error|ERR!) ?/, '').trim())
    .filter(
      (line) =>
        line !== '' && !/^npm warn|^(at|code|syscall|errno) |^A complete log|debug-0\.log$/.test(line),
    );
  return said.length === 0 ? 'npm ci gave no reason' : `npm ci: ${said.slice(0, 2).join(' ').slice(0, 400)}`;
}

/** Runs the pinned Node in the foreground and passes signals on to it; npm and a terminal may each send one. */
function run(command) {
  return new Promise((resolve) => {
    const path = `${join(root, 'node_modules', '.bin')}${process.platform === 'win32' ? ';' : ':'}${process.env.PATH}`;
    const child = spawn(node, command, { cwd: root, stdio: 'inherit', env: { ...process.env, PATH: path } });
    const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'];
    const pass = (signal) => child.kill(signal);
    for (const signal of signals) process.on(signal, pass);
    // When npm is stopped it ends its shell, and the shell does not pass that on: only the parent process changes.
    const parent = process.ppid;
    const watch = setInterval(() => process.ppid !== parent && child.kill('SIGTERM'), 500);
    child.on('error', (error) => fail(`cannot start ${node}: ${error.message}`));
    child.on('exit', (code, signal) => {
      clearInterval(watch);
      for (const name of signals) process.off(name, pass);
      resolve(signal === null ? code : 128 + constants.signals[signal]);
    });
  });
}

/** All test files, those of the end-to-end suite first: they wait more than they compute. */
function testFiles() {
  const all = readdirSync(join(root, 'test'), { recursive: true })
    .map((name) => join('test', name).replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.test.ts'));
  return [
    ...all.filter((name) => name.startsWith('test/e2e/')),
    ...all.filter((name) => !name.startsWith('test/e2e/')),
  ];
}

function fail(message) {
  process.stderr.write(`postern: ${message}\n`);
  process.exit(1);
}
