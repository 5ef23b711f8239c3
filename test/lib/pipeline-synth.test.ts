import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { readPipelineChoices } from '../../lib/pipeline/choices.ts';
import { deploySpec, destroySpec, verifySpec } from '../../lib/pipeline/commands.ts';

const root = join(import.meta.dirname, '..', '..');
const clone = mkdtempSync(join(tmpdir(), 'postern-clone-'));
after(() => rmSync(clone, { recursive: true }));

const has = (program: string, argument: string) => spawnSync(program, [argument]).status === 0;
const skip = has('go', 'version') && has('bash', '--version') ? false : 'needs go and bash in PATH';

/** What `git clone` and `npm ci` would give: the files of the repository, and its packages. */
function makeClone(): void {
  const list = ['ls-files', '--cached', '--others', '--exclude-standard', '-z'];
  const files = execFileSync('git', list, { cwd: root, encoding: 'utf8' }).split('\0');
  for (const file of files.filter((name) => name !== '' && existsSync(join(root, name)))) {
    mkdirSync(dirname(join(clone, file)), { recursive: true });
    cpSync(join(root, file), join(clone, file));
  }
  symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'));
}

test("the pipeline's build makes every stack of the app in a clean clone, without credentials", {
  skip,
  timeout: 900_000,
}, () => {
  makeClone();
  const { synth, stacks, demoStack } = readPipelineChoices(undefined, {});
  const { build, post_build } = verifySpec(synth).phases;
  const env = {
    PATH: `${join(root, 'node_modules', '.bin')}:${process.env.PATH}`,
    HOME: homedir(),
    XDG_CACHE_HOME: process.env.XDG_CACHE_HOME,
    POSTERN_CACHE: process.env.POSTERN_CACHE,
    POSTERN_OFFLINE: process.env.POSTERN_OFFLINE,
    CI: 'true',
    CDK_DISABLE_CLI_TELEMETRY: 'true',
    // No file of the machine's own credentials, and no question to a machine's metadata.
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  for (const command of [...(build?.commands ?? []), ...(post_build?.commands ?? [])]) {
    const { status, stdout, stderr } = spawnSync('bash', ['-euc', command], {
      cwd: clone,
      env,
      encoding: 'utf8',
    });
    assert.equal(status, 0, `${command}\n${stdout}\n${stderr}`);
  }

  const made = readdirSync(join(clone, 'cdk.out')).filter((name) => name.endsWith('.template.json'));
  for (const stack of [...stacks, demoStack])
    assert.ok(made.includes(`${stack}.template.json`), `${stack} in ${made}`);
  const manifest = JSON.parse(readFileSync(join(clone, 'cdk.out', 'manifest.json'), 'utf8'));
  assert.equal(manifest.missing, undefined, 'something is to be looked up in an account');
  // What deploys and destroys names stacks that there are, and unpacks the file that was packed.
  const names = [
    ...(deploySpec([...stacks, demoStack]).phases.build?.commands ?? []),
    ...(destroySpec(demoStack).phases.build?.commands ?? []),
  ]
    .flatMap((command) => command.split(' '))
    .filter((word) => word.endsWith('Stack'));
  assert.deepEqual(new Set(names), new Set([...stacks, demoStack]));
  assert.ok(readdirSync(clone).includes('cdk.tar'));
});
