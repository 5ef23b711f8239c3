import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../demo/main.ts', import.meta.url));

function run(env: NodeJS.ProcessEnv = {}) {
  const { FORCE_COLOR: _, ...inherited } = process.env;
  const child = spawn(process.execPath, [main], {
    env: { ...inherited, POSTERN_LISTEN: '127.0.0.1:0', POSTERN_ADMIN: '127.0.0.1:0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    text.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    text.stderr += chunk;
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  async function until(pattern: RegExp): Promise<void> {
    for (let waited = 0; !pattern.test(text.stdout); waited += 20) {
      assert.ok(
        waited < 15_000 && child.exitCode === null,
        `no ${pattern} in:\n${text.stdout}${text.stderr}`,
      );
      await delay(20);
    }
  }
  return { child, text, ended, until };
}

/** What README.md says that `npm start` prints, with some lines left out. */
function readmeSample(): readonly string[] {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const [, below = ''] = readme.split(/^## One command$/m);
  const [, block = ''] = /((?:^ {4}.*\n|^\n)+)/m.exec(below.slice(below.indexOf('left out here):'))) ?? [];
  return block
    .split('\n')
    .map((line) => line.slice(4))
    .filter((line) => line !== '');
}

/** Each line of the sample is a line of the output, in this order, but for times. */
function assertShownInOrder(sample: readonly string[], output: string): void {
  const timeless = (line: string) => line.replace(/ +[\d.]+ (µs|ms)/, ' T $1');
  const lines = output.split('\n').map(timeless);
  assert.ok(sample.length > 10, 'the sample was not found');
  let at = 0;
  for (const line of sample.map(timeless)) {
    const found = lines.indexOf(line, at);
    assert.ok(found >= 0, `README.md shows a line that is not printed here: ${line}`);
    at = found + 1;
  }
}

/** The lines that the demo prints to be pasted, each with the lines it goes on in. */
function commandsIn(output: string): readonly string[] {
  return output.match(/^curl (?:.*\\\n)*.*$/gm) ?? [];
}

test('the demo tells of a signed webhook and of a forged one, and its curl lines do what they say', async (t) => {
  const { child, text, ended, until } = run();
  t.after(() => child.kill('SIGKILL'));
  await until(/until Ctrl-C/);
  const [scene = '', signed = '', forged = ''] = text.stdout.split(/^(?=[12] )/m);
  assert.match(scene, /tunnel +SOCKS5 on 127\.0\.0\.1:[0-9]+/);
  assert.match(signed, /plugin +webhook +[0-9]+ µs +go on\n/);
  assert.match(signed, /target +saw POST \/webhook, 70 bytes, the same to the last bit\n/);
  assert.match(signed, /x-forwarded-for: 127\.0\.0\.1, which is true/);
  assert.match(signed, /answer +200 after/);
  assert.match(forged, /plugin +webhook +[0-9]+ µs +stop, webhook:signature\n/);
  assert.match(forged, /target +saw nothing of it\n/);
  assert.match(forged, /answer +401 after/);
  assertShownInOrder(readmeSample(), text.stdout);
  for (const line of text.stdout.split('\n'))
    assert.ok(line.length <= 100, `${line.length} columns: ${line}`);
  assert.doesNotMatch(text.stdout, /\u001b/, 'colours in a pipe');

  const commands = commandsIn(text.stdout);
  if (spawnSync('curl', ['--version']).status !== 0)
    return t.diagnostic('curl is not installed: its lines did not run');
  const answers = commands.map(
    (command) => spawnSync('bash', ['-c', `${command} -s`], { encoding: 'utf8' }).stdout,
  );
  assert.deepEqual(
    answers.map((answer) => answer.slice(9, 12)),
    ['200', '401', '400', '200'],
    answers.join('\n'),
  );
  await until(
    /POST +\/hooks\/github {2}401 webhook:signature[\s\S]*GET +\/hooks\/\.\.\/etc\/passwd {2}400 path:dot-segment/,
  );

  child.kill('SIGINT');
  assert.equal(await ended, 0);
  assert.equal(text.stderr, '');
});

test('a busy port is one clear line and exit 1', async (t) => {
  const busy = createServer();
  await once(busy.listen(0, '127.0.0.1'), 'listening');
  t.after(() => busy.close());
  const { port } = busy.address() as AddressInfo;
  const { text, ended } = run({ POSTERN_LISTEN: `127.0.0.1:${port}` });
  assert.equal(await ended, 1);
  assert.equal(
    text.stderr,
    `postern: 127.0.0.1:${port} is in use by another program; stop it, or set POSTERN_LISTEN to another HOST:PORT\n`,
  );
  assert.equal(text.stdout, '');
});

test('a malformed address gives one clear line and exit 1', async () => {
  const { text, ended } = run({ POSTERN_ADMIN: ':8081' });
  assert.equal(await ended, 1);
  assert.match(text.stderr, /^postern: POSTERN_ADMIN: ":8081" is not HOST:PORT; name the host: .*\n$/);
});
