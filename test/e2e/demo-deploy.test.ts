import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { App } from 'aws-cdk-lib';
import { DemoStack } from '../../lib/demo-stack.ts';
import { deploySpec, destroySpec, verifySpec } from '../../lib/pipeline/commands.ts';
import { findAwsTools } from '../support/aws-tools.ts';
import { enterHub, runFolder } from './lab/network.ts';
import { type Running, run, start, until } from './lab/process.ts';

// Outside the hub it installs them, inside it finds them.
const tools = findAwsTools();
const skip = typeof tools === 'string' ? tools : ((await enterHub()) ?? false);
const root = join(import.meta.dirname, '..', '..');
const port = 5055;

/** What the account holds; the shapes are those of AWS's API. */
interface Account {
  readonly vpcs: readonly { readonly CidrBlock: string }[];
  readonly subnets: readonly { readonly SubnetId: string }[];
  readonly routeTables: readonly {
    readonly Associations: readonly { readonly SubnetId?: string }[];
    readonly Routes: readonly {
      readonly DestinationCidrBlock?: string;
      readonly GatewayId?: string;
      readonly NatGatewayId?: string;
    }[];
  }[];
  readonly securityGroups: readonly {
    readonly GroupName: string;
    readonly IpPermissions: readonly unknown[];
  }[];
  readonly natGateways: readonly {
    readonly NatGatewayId: string;
    readonly SubnetId: string;
    readonly State: string;
  }[];
  readonly instances: readonly {
    readonly SubnetId: string;
    readonly InstanceType: string;
    readonly PublicIpAddress?: string;
    readonly KeyName?: string;
    readonly State: { readonly Name: string };
    readonly IamInstanceProfile: { readonly Arn: string };
  }[];
  readonly [others: string]: readonly unknown[];
}

/**
 * The commands of the pipeline's builds, run as they stand against moto: the demo is deployed and destroyed by the CDK's own
 * command line. moto knows every type of the demo's resources, so nothing is left out of the template; of the instance it
 * reads no SecurityGroupIds and of the group no SecurityGroupEgress, which the template's own test proves. It cannot show that
 * the instance starts, joins and signals, in what order AWS deletes, and whether the roles suffice.
 */
describe('the demo, deployed and destroyed by the commands of the pipeline', { skip }, () => {
  const [python] = (tools as Exclude<typeof tools, string>).python as [string];
  const source = join(runFolder, 'source');
  const build = join(runFolder, 'build');
  const env = {
    AWS_ENDPOINT_URL: `http://localhost:${port}`,
    AWS_ACCESS_KEY_ID: 'lab',
    AWS_SECRET_ACCESS_KEY: 'lab',
    AWS_REGION: 'eu-central-1',
    HOME: runFolder,
    CI: 'true',
    CDK_DISABLE_CLI_TELEMETRY: 'true',
    PATH: `${join(root, 'node_modules', '.bin')}:${process.env.PATH}`,
  };
  let moto: Running;

  before(async () => {
    moto = start('moto', [python, join(root, 'test/e2e/lab/cloudformation.py'), String(port)], { env });
    const isUp = async () => (await fetch(`http://127.0.0.1:${port}/moto-api/`)).ok || undefined;
    await until('moto answers', isUp, { running: moto });
    for (const folder of [source, build]) {
      mkdirSync(folder);
      symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    }
    const app = new App({ outdir: join(source, 'cdk.out') });
    new DemoStack(app, 'DemoStack');
    app.synth();
    await inShell(source, 'npx cdk bootstrap --app cdk.out aws://123456789012/eu-central-1');
  });
  after(() => moto?.stop());

  const inShell = (cwd: string, command: string) => run(['bash', '-euc', command], { cwd, env });
  const account = async () =>
    JSON.parse(
      await run([python, join(root, 'test/e2e/lab/account.py'), `http://127.0.0.1:${port}`], { env }),
    ) as Account;
  const commands = (spec: ReturnType<typeof deploySpec>, ...phases: string[]) =>
    phases.flatMap((phase) => spec.phases[phase]?.commands ?? []);

  test('what the account then has is a private instance behind NAT, and no rule that lets anything in', async () => {
    for (const command of commands(verifySpec(''), 'post_build')) await inShell(source, command);
    await inShell(build, `cp ${join(source, 'cdk.tar')} .`);
    for (const command of commands(deploySpec(['DemoStack']), 'pre_build', 'build'))
      await inShell(build, command);

    const held = await account();
    assert.deepEqual(
      held.vpcs.map(({ CidrBlock }) => CidrBlock),
      ['10.213.0.0/26'],
    );
    assert.equal(held.subnets.length, 2);

    const [instance, ...more] = held.instances;
    assert.ok(instance !== undefined && more.length === 0, `${held.instances.length} instances`);
    assert.deepEqual([instance.State.Name, instance.InstanceType], ['running', 't4g.micro']);
    assert.equal(instance.KeyName, undefined);
    assert.match(instance.IamInstanceProfile.Arn, /instance-profile\/DemoStack-/);

    const wayOut = (subnet: string) => {
      const table = held.routeTables.find(({ Associations }) =>
        Associations.some((one) => one.SubnetId === subnet),
      );
      return table?.Routes.find(({ DestinationCidrBlock }) => DestinationCidrBlock === '0.0.0.0/0');
    };
    const [nat] = held.natGateways;
    assert.equal(nat?.State, 'available');
    assert.equal(wayOut(instance.SubnetId)?.NatGatewayId, nat.NatGatewayId);
    assert.notEqual(instance.SubnetId, nat.SubnetId);
    assert.match(wayOut(nat.SubnetId)?.GatewayId ?? '', /^igw-/);

    const groups = held.securityGroups.filter(({ GroupName }) => GroupName !== 'default');
    assert.equal(groups.length, 1);
    assert.deepEqual(groups[0]?.IpPermissions, []);
    for (const name of ['addresses', 'gateways', 'flowLogs', 'logGroups', 'profiles']) {
      assert.equal(held[name]?.length, 1, name);
    }
    assert.equal(held.roles?.length, 2);
  });

  test('after the approval nothing of it is left', async () => {
    for (const command of commands(destroySpec('DemoStack'), 'build')) await inShell(build, command);
    const { natGateways, instances, ...rest } = await account();
    // Both stay visible for about an hour, as with AWS.
    assert.deepEqual(
      natGateways.map(({ State }) => State),
      ['deleted'],
    );
    assert.deepEqual(
      instances.map(({ State }) => State.Name),
      ['terminated'],
    );
    for (const [name, found] of Object.entries(rest)) assert.deepEqual(found, [], name);
  });
});
