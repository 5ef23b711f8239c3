import { createHash } from 'node:crypto';
import { CfnOutput, Duration, Fn, Lazy, Stack, type StackProps, Validations } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { type DemoChoices, readDemoChoices } from './demo/choices.ts';
import { makeNetwork, makeSecurityGroup } from './demo/network.ts';
import { type KeySource, makeRole, readableKey } from './demo/role.ts';
import { demoUserData, settingsFile, staticFiles } from './demo/user-data.ts';
import { InvalidProps } from './problem.ts';

/** Every property is optional; the others are read from the context under `postern:demo`, or have a default. */
export interface DemoStackProps extends StackProps, DemoChoices, KeySource {}

/**
 * A private target to try Postern with: one small instance without any inbound rule, in its own network, which
 * joins the tailnet and serves one page there.
 *
 * Costs about $0.06 an hour, most of it the NAT gateway's. `cdk destroy` leaves nothing behind.
 */
export class DemoStack extends Stack {
  readonly vpc: ec2.IVpc;
  readonly instance: ec2.Instance;
  readonly securityGroup: ec2.SecurityGroup;
  /** The node's name in the tailnet: for POSTERN_TAILNET_TARGETS. */
  readonly target: string;
  /** The target of a service in postern.yaml. */
  readonly targetUrl: string;

  constructor(scope: Construct, id: string, props: DemoStackProps = {}) {
    super(scope, id, {
      description: 'A private target for Postern: one instance without inbound rules, in a tailnet',
      ...props,
    });
    const { issuer } = props;
    if (issuer !== undefined && props.key !== undefined) {
      throw new InvalidProps('DemoStack', 'key and issuer are both given; give the key, or who makes one');
    }
    const choices = readDemoChoices(this.node.tryGetContext('postern:demo'), {
      ...(issuer?.controlUrl !== undefined && { controlUrl: issuer.controlUrl }),
      ...props,
    });
    this.target = choices.tailnetHostname;
    this.targetUrl = `http://${choices.tailnetHostname}:${choices.port}`;

    this.vpc = makeNetwork(this, choices.cidr);
    this.securityGroup = makeSecurityGroup(this, this.vpc, choices.controlUrl);
    const role = makeRole(this);
    const { secret, reading } = readableKey(this, props, choices.tailnetTags, role);

    // cloud-init runs once, so an instance with changed files or settings is replaced, by changing its logical id.
    const settings = {
      ...choices,
      region: this.region,
      secretId: secret.secretFullArn ?? secret.secretName,
      // A key that an issuer made has its tags; a Headscale refuses a node that asks for them as well.
      tailnetTags: issuer === undefined ? choices.tailnetTags : [],
      stack: this.stackName,
      resource: '',
    };
    const version = createHash('sha256')
      .update(JSON.stringify([staticFiles(), this.resolve(settingsFile(settings))]))
      .digest('hex')
      .slice(0, 8);
    const userData = demoUserData({
      ...settings,
      resource: Lazy.string({ produce: () => this.getLogicalId(this.instanceResource) }),
    });
    this.instance = this.makeInstance(`Instance${version}`, {
      instanceType: choices.instanceType,
      role,
      userData,
    });
    // Otherwise it would start, and fail, before it may read the key or can reach the internet.
    this.instance.node.addDependency(this.vpc.privateSubnets[0]?.internetConnectivityEstablished ?? this.vpc);
    reading.applyBefore(this.instance);

    this.output(
      'TargetUrl',
      this.targetUrl,
      'The URL of a service in postern.yaml, with `transport: tailnet`',
    );
    this.output('TailnetTarget', this.target, 'For POSTERN_TAILNET_TARGETS of the forwarder');
    this.output('InstanceId', this.instance.instanceId, 'For `aws ssm start-session --target`');
  }

  /** One zone that CloudFormation chooses; asking the account for its zones would need credentials to synthesize. */
  override get availabilityZones(): string[] {
    return [Fn.select(0, Fn.getAzs())];
  }

  private get instanceResource(): ec2.CfnInstance {
    return this.instance.instance;
  }

  private makeInstance(
    id: string,
    options: { instanceType: string; role: iam.Role; userData: string },
  ): ec2.Instance {
    const instance = new ec2.Instance(this, id, {
      vpc: this.vpc,
      vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS },
      instanceType: new ec2.InstanceType(options.instanceType),
      // A public parameter of AWS that CloudFormation reads: the newest image at each deployment.
      machineImage: ec2.MachineImage.latestAmazonLinux2023({ cpuType: ec2.AmazonLinuxCpuType.ARM_64 }),
      securityGroup: this.securityGroup,
      role: options.role,
      userData: ec2.UserData.custom(options.userData),
      httpTokens: ec2.HttpTokens.REQUIRED,
      httpPutResponseHopLimit: 1,
      detailedMonitoring: true,
      blockDevices: [
        {
          deviceName: '/dev/xvda',
          volume: ec2.BlockDeviceVolume.ebs(8, {
            encrypted: true,
            volumeType: ec2.EbsDeviceVolumeType.GP3,
            deleteOnTermination: true,
          }),
        },
      ],
    });
    instance.instance.cfnOptions.creationPolicy = {
      resourceSignal: { count: 1, timeout: Duration.minutes(15).toIsoString() },
    };
    Validations.of(instance).acknowledge({
      id: 'AwsSolutions-EC29',
      reason: 'The demo holds nothing, and one command must be able to take all of it away',
    });
    return instance;
  }

  private output(id: string, value: string, description: string): void {
    new CfnOutput(this, id, { value, description });
  }
}
