import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';

const script = readFileSync(join(import.meta.dirname, '..', '..', 'lib', 'demo', 'setup.sh'), 'utf8');
const pinned = /^key_fingerprint=([0-9A-F]{40})$/m.exec(script)?.[1] as string;
const has = (program: string) => spawnSync(program, ['--version']).status === 0;
const skip = has('bash') && has('gpg') ? false : 'needs bash and gpg in PATH';

/**
 * setup.sh as it is, but for its places, which are moved into a folder, and the fingerprint, which is that of a key made here. gpg
 * is real; what needs Amazon Linux (dnf, systemctl, cfn-signal) writes down how it was called.
 */
describe('setup.sh', { skip }, () => {
  const place = mkdtempSync(join(tmpdir(), 'postern-setup-'));
  const root = join(place, 'root');
  const at = (name: string) => join(root, name);
  const keys: Record<'right' | 'other', { fingerprint: string; armored: Buffer }> = {} as never;
  after(() => rmSync(place, { recursive: true }));

  before(() => {
    for (const name of ['right', 'other'] as const) {
      const home = join(place, name);
      mkdirSync(home, { mode: 0o700 });
      const gpg = (...args: string[]) => {
        const { status, stdout, stderr } = spawnSync('gpg', ['--homedir', home, '--batch', ...args]);
        assert.equal(status, 0, String(stderr));
        return stdout;
      };
      gpg('--passphrase', '', '--quick-gen-key', `${name} <${name}@example.com>`, 'ed25519', 'sign', 'never');
      const listed = gpg('--with-colons', '--list-keys').toString();
      const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(listed)?.[1] as string;
      keys[name] = { fingerprint, armored: gpg('--export', '--armor') };
      spawnSync('gpgconf', ['--homedir', home, '--kill', 'gpg-agent']);
    }
  });

  beforeEach(() => {
    rmSync(root, { recursive: true, force: true });
    for (const folder of ['bin', 'opt/aws/bin', 'etc/postern-demo', 'etc/pki/rpm-gpg', 'run/postern-demo']) {
      mkdirSync(at(folder), { recursive: true });
    }
    const settings = {
      TAILSCALE_VERSION: '1.102.5',
      STACK: 'DemoStack',
      RESOURCE: 'Instance',
      REGION: 'eu-central-1',
      PORT: '8080',
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name}='${value}'\n`);
    writeFileSync(at('etc/postern-demo/settings'), lines.join(''));
    writeFileSync(at('run/postern-demo/address'), 'fd7a:115c:a1e0::7\n');
    const note = (name: string) => `printf '%s\\n' "${name} $*" >>'${at('calls')}'`;
    stub('bin/dnf', note('dnf'));
    stub('bin/systemctl', note('systemctl'));
    stub('bin/journalctl', 'echo "invalid key: unable to validate API key"');
    stub('opt/aws/bin/cfn-signal', note('cfn-signal'));
    // Gives the key's file to who asks for the key, and nothing to who asks for the page.
    stub(
      'bin/curl',
      `${note('curl')}; while [ "$1" != --output ]; do shift; done; [ "$2" = /dev/null ] || cat '${at('served')}' >"$2"`,
    );
    writeFileSync(at('served'), keys.right.armored);
  });

  function stub(name: string, commands: string): void {
    writeFileSync(at(name), `#!/usr/bin/env bash\n${commands}\n`, { mode: 0o755 });
  }

  /** Runs the script, and gives its exit code and each call by its words. */
  function run(): { code: number | null; calls: readonly string[]; output: string } {
    const moved = script
      .replaceAll(/(?<=[ =]|^)\/(etc|opt|run)\//gm, `${root}/$1/`)
      .replaceAll(pinned, keys.right.fingerprint);
    const env = { PATH: `${at('bin')}:${process.env.PATH}`, TMPDIR: root };
    const { status, stdout, stderr } = spawnSync('bash', ['-s'], { input: moved, env, encoding: 'utf8' });
    const calls = existsSync(at('calls')) ? readFileSync(at('calls'), 'utf8').trim().split('\n') : [];
    return { code: status, calls, output: stdout + stderr };
  }

  const signalOf = (calls: readonly string[]) => calls.filter((call) => call.startsWith('cfn-signal '));

  test('trusts the key, installs the version, starts all in order, asks for the page and says that it is done', () => {
    const { code, calls, output } = run();
    assert.equal(code, 0, output);
    assert.deepEqual(
      calls.filter((call) => !call.startsWith('curl')),
      [
        'dnf install --assumeyes --quiet tailscale-1.102.5',
        'systemctl daemon-reload',
        'systemctl enable --now tailscaled.service',
        'systemctl enable --now postern-demo-join.service',
        'systemctl enable --now postern-demo.service',
        'cfn-signal --success true --reason the page is served in the tailnet --stack DemoStack --resource Instance --region eu-central-1',
      ],
    );
    assert.match(
      calls[0] ?? '',
      /^curl .*--proto =https .*pkgs\.tailscale\.com\/stable\/amazon-linux\/2023\/repo\.gpg$/,
    );
    assert.match(calls.at(-2) ?? '', /^curl .*http:\/\/\[fd7a:115c:a1e0::7\]:8080\/healthz$/);
    const trusted = at('etc/pki/rpm-gpg/RPM-GPG-KEY-tailscale');
    assert.deepEqual(readFileSync(trusted), keys.right.armored);
    assert.equal(statSync(trusted).mode & 0o777, 0o644);
  });

  const served: readonly [string, () => Buffer, RegExp][] = [
    ['another key', () => keys.other.armored, /is [0-9A-F]{40}, and not [0-9A-F]{40}; refusing/],
    [
      'the right key and another one',
      () => Buffer.concat([keys.right.armored, keys.other.armored]),
      /refusing/,
    ],
    [
      'another key and the right one',
      () => Buffer.concat([keys.other.armored, keys.right.armored]),
      /refusing/,
    ],
    ['a page', () => Buffer.from('<html>'), /is none, and not [0-9A-F]{40}|no valid OpenPGP/],
    ['nothing', () => Buffer.alloc(0), /is none, and not [0-9A-F]{40}|no valid OpenPGP/],
  ];
  for (const [what, bytes, words] of served) {
    test(`installs nothing when it is served ${what}, and says so`, () => {
      writeFileSync(at('served'), bytes());
      const { code, calls, output } = run();
      assert.notEqual(code, 0);
      assert.match(output, words);
      assert.equal(
        calls.some((call) => /^(dnf|systemctl) /.test(call)),
        false,
        calls.join('\n'),
      );
      assert.equal(existsSync(at('etc/pki/rpm-gpg/RPM-GPG-KEY-tailscale')), false);
      assert.equal(signalOf(calls).length, 1);
      assert.match(
        signalOf(calls)[0] ?? '',
        /--success false --reason could not get the key of the package repository/,
      );
    });
  }

  test('says which step failed, and the last words of the join', () => {
    stub('bin/systemctl', 'case $* in *join*) exit 3 ;; esac');
    const { code, calls } = run();
    assert.equal(code, 3);
    const [signal] = signalOf(calls);
    assert.match(
      signal ?? '',
      /--success false --reason could not join the tailnet \(exit 3\)\. invalid key: unable/,
    );
  });
});
