// Runs one of the repository's tasks with the pinned Node, after installing what is missing. Plain JavaScript for Node 20, because
// it runs before anything is installed: `node scripts/run.mjs TASK [ARGUMENTS]`.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stamp = join(root, 'node_modules', '.postern-lock');
const node = join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'node.cmd' : 'node');

/** Each task: the commands that it runs, one after another, until one fails. */
const tasks = {
  start: (args) => [['demo/main.ts', ...args]],
  test: (args) => [
    ['--test', '--test-concurrency=2', '--test-timeout=300000', ...(args.length > 0 ? args : testFiles())],
  ],
  bench: (args) => [['bench/main.ts', ...args]],
  layer: (args) => [['extension/layer/build.ts', ...args]],
  build: (args) => [
    ['scripts/build.ts', ...args],
    ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'],
  ],
  check: () => [
    ['node_modules/typescript/bin/tsc', '--noEmit', '-p', '.'],
    ['node_modules/@biomejs/biome/bin/biome', 'check', '.'],
    ['--test', 'test/architecture.test.ts'],
  ],
};

const [task = '', ...args] = process.argv.slice(2);
if (!Object.hasOwn(tasks, task))
  fail(`there is no task ${JSON.stringify(task)}; known are ${Object.keys(tasks).join(', ')}`);
install();
for (const command of tasks[task](args)) {
  const code = await run(command);
  if (code !== 0) process.exit(code);
}

/** Installs by the lockfile when nothing is installed or the lockfile has changed since. */
function install() {
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && existsSync(node) && readFileSync(stamp, 'utf8') === wanted) return;
  process.stderr.write('postern: installing its packages, once …\n');
  const npm = process.env.npm_execpath;
  const [command, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  const result = spawnSync(command, [...first, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    encoding: 'utf8',
  });
  if (result.status !== 0) {
    process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}`);
    fail(`npm ci failed${result.error ? `: ${result.error.message}` : ''}; is the registry reachable?`);
  }
  writeFileSync(stamp, wanted);
}

/** Runs the pinned Node in the foreground; signals reach it because it shares the terminal's group, or are passed on. */
function run(command) {
  return new Promise((resolve) => {
    const path = `${join(root, 'node_modules', '.bin')}${process.platform === 'win32' ? ';' : ':'}${process.env.PATH}`;
    const child = spawn(node, command, { cwd: root, stdio: 'inherit', env: { ...process.env, PATH: path } });
    for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => child.kill(signal));
    child.on('error', (error) => fail(`cannot start ${node}: ${error.message}`));
    child.on('exit', (code, signal) => resolve(signal === null ? code : 1));
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
