import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { App } from 'aws-cdk-lib';
import { DemoStack, EdgeFirewallStack, PipelineStack, PosternStack } from '../../lib/index.ts';
import { findAwsTools } from '../support/aws-tools.ts';

const tools = findAwsTools();
const skip = typeof tools === 'string' ? tools : false;
const root = join(import.meta.dirname, '..', '..');
/** The command with the arguments that follow it. */
const run = (command: readonly string[], args: readonly string[]) => {
  const [program, ...first] = command as [string, ...string[]];
  return spawnSync(program, [...first, ...args], { encoding: 'utf8', timeout: 200_000 });
};

/** Rules that are not ours to keep, and why. */
const ignored = [
  // The library waits for a role that a property names as well, which changes nothing.
  'W3005',
];

describe('cfn-lint', { skip }, () => {
  const { cfnLint } = tools as Exclude<typeof tools, string>;
  const outdir = mkdtempSync(join(tmpdir(), 'postern-templates-'));
  const lint = (...args: string[]) => run(cfnLint, ['--ignore-checks', ...ignored, '--', ...args]);

  before(() => {
    const app = new App({ outdir, context: { 'aws:cdk:bundling-stacks': [] } });
    new PosternStack(app, 'PosternStack', {
      config: join(root, 'postern.yaml'),
      sourceCidrs: ['192.0.2.0/24'],
    });
    new EdgeFirewallStack(app, 'EdgeFirewallStack');
    new PosternStack(app, 'PosternStackWithEdge', {
      config: join(root, 'postern.yaml'),
      sourceCidrs: ['192.0.2.0/24'],
      edge: {
        domainName: 'hooks.example.com',
        certificateArn: 'arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000000',
        webAclArn:
          'arn:aws:wafv2:us-east-1:123456789012:global/webacl/edge/00000000-0000-0000-0000-000000000000',
      },
    });
    new DemoStack(app, 'DemoStack');
    new PipelineStack(app, 'PipelineStack');
    app.synth();
  });
  after(() => rmSync(outdir, { recursive: true }));

  test('finds neither error nor warning in any template of the app', () => {
    const templates = readdirSync(outdir).filter((name) => name.endsWith('.template.json'));
    assert.deepEqual(
      templates,
      ['DemoStack', 'EdgeFirewallStack', 'PipelineStack', 'PosternStack', 'PosternStackWithEdge'].map(
        (name) => `${name}.template.json`,
      ),
    );
    const { status, stdout, stderr } = lint(...templates.map((name) => join(outdir, name)));
    assert.equal(status, 0, stdout + stderr);
  });

  test('is at work: it finds a property that there is not, and a value that cannot be', () => {
    const template = {
      Resources: {
        Bucket: { Type: 'AWS::S3::Bucket', Properties: { Nonsense: true } },
        Log: { Type: 'AWS::Logs::LogGroup', Properties: { RetentionInDays: 8 } },
      },
    };
    const path = join(outdir, 'wrong.json');
    writeFileSync(path, JSON.stringify(template));
    const { status, stdout } = lint(path);
    assert.notEqual(status, 0);
    assert.match(stdout, /E3002 .*'Nonsense' was unexpected/);
    assert.match(stdout, /E3030 8 is not one of/);
  });
});

describe('shellcheck', { skip }, () => {
  const { shellcheck } = tools as Exclude<typeof tools, string>;
  const folder = join(root, 'lib', 'demo');

  test('finds nothing in the scripts of the demo', () => {
    const scripts = readdirSync(folder).filter((name) => name.endsWith('.sh'));
    assert.deepEqual(scripts.toSorted(), ['join.sh', 'setup.sh']);
    const { status, stdout, stderr } = run(
      shellcheck,
      scripts.map((name) => join(folder, name)),
    );
    assert.equal(status, 0, stdout + stderr);
  });
});
