import { createHash } from 'node:crypto';
import {
  CfnOutput,
  Duration,
  Fn,
  Lazy,
  RemovalPolicy,
  Stack,
  type StackProps,
  Validations,
} from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { type DemoChoices, readDemoChoices } from './demo/choices.ts';
import { demoUserData, settingsFile, staticFiles } from './demo/user-data.ts';

/** Every property is optional; what is left out is taken from the context under `postern:demo`, then from the default. */
export interface DemoStackProps extends StackProps, DemoChoices {
  /**
   * The secret with the auth key that the instance joins with: the key alone, or JSON with the field `key`. Only its
   * reading is granted. A secret whose resource policy names its readers must name this stack's role too.
   *
   * @default - the secret named `postern/demo-auth-key`, which has to be there
   */
  readonly key?: secretsmanager.ISecret;
}

/**
 * A private target to try Postern with: one small instance that no inbound rule leads to, in a network of its own, which
 * joins the tailnet and serves one page there.
 *
 * Costs about $0.05 an hour, nearly all of it the NAT gateway's. `cdk destroy` leaves nothing behind.
 */
export class DemoStack extends Stack {
  readonly vpc: ec2.IVpc;
  readonly instance: ec2.Instance;
  readonly securityGroup: ec2.SecurityGroup;
  /** The node's name in the tailnet: what POSTERN_TAILNET_TARGETS takes. */
  readonly target: string;
  /** What a service in postern.yaml names as its target. */
  readonly targetUrl: string;

  constructor(scope: Construct, id: string, props: DemoStackProps = {}) {
    super(scope, id, {
      description: 'A private target for Postern: one instance without inbound rules, in a tailnet',
      ...props,
    });
    const choices = readDemoChoices(this.node.tryGetContext('postern:demo'), props);
    this.target = choices.tailnetHostname;
    this.targetUrl = `http://${choices.tailnetHostname}:${choices.port}`;

    this.vpc = this.makeNetwork(choices.cidr);
    this.securityGroup = this.makeSecurityGroup(choices.controlUrl);
    const role = this.makeRole();
    const key = props.key ?? secretsmanager.Secret.fromSecretNameV2(this, 'AuthKey', 'postern/demo-auth-key');
    const reading = key.grantRead(role);

    // cloud-init runs once, so an instance whose files or settings have changed is replaced: by another logical id.
    const settings = {
      ...choices,
      region: this.region,
      secretId: key.secretFullArn ?? key.secretName,
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
    // Without them it would start, and fail, before it is allowed to read the key or has a way out.
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

  private makeNetwork(cidr: string): ec2.IVpc {
    const log = new logs.LogGroup(this, 'FlowLog', {
      retention: logs.RetentionDays.ONE_WEEK,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const network: ec2.Vpc = new ec2.Vpc(this, 'Network', {
      ipAddresses: ec2.IpAddresses.cidr(cidr),
      natGateways: 1,
      // Its own function in the account would be needed to empty the default group, which nothing here is in.
      restrictDefaultSecurityGroup: false,
      subnetConfiguration: [
        { name: 'Gateway', subnetType: ec2.SubnetType.PUBLIC, cidrMask: 28, mapPublicIpOnLaunch: false },
        { name: 'Private', subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 28 },
      ],
      flowLogs: { All: { destination: ec2.FlowLogDestination.toCloudWatchLogs(log) } },
    });
    // The library's own types do not distinguish a property that is undefined from one that is not there.
    return network as ec2.IVpc;
  }

  private makeSecurityGroup(controlUrl: string): ec2.SecurityGroup {
    const group = new ec2.SecurityGroup(this, 'OutboundOnly', {
      vpc: this.vpc,
      description: 'The demo target: nothing in; HTTPS and WireGuard out',
      allowAllOutbound: false,
    });
    const { protocol, port } = new URL(controlUrl);
    const ports = new Set([443, port === '' ? (protocol === 'http:' ? 80 : 443) : Number(port)]);
    for (const tcp of ports) {
      group.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(tcp), 'Packages, AWS, control server, relays');
    }
    // The peers of a tailnet are anywhere, and on any port.
    group.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.allUdp(), 'WireGuard and STUN');
    return group;
  }

  /** What AmazonSSMManagedInstanceCore grants beyond a session, such as reading all parameters, is left out. */
  private makeRole(): iam.Role {
    const role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com'),
      description: 'The demo target: a shell through Session Manager, and its auth key',
    });
    role.addToPolicy(
      new iam.PolicyStatement({
        sid: 'SessionManager',
        actions: [
          'ssm:UpdateInstanceInformation',
          'ssmmessages:CreateControlChannel',
          'ssmmessages:CreateDataChannel',
          'ssmmessages:OpenControlChannel',
          'ssmmessages:OpenDataChannel',
        ],
        resources: ['*'],
      }),
    );
    Validations.of(role).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason:
        'The agent of Session Manager: ssmmessages has no resources, and the instance is not known to its own role',
    });
    return role;
  }

  private makeInstance(
    id: string,
    options: { instanceType: string; role: iam.Role; userData: string },
  ): ec2.Instance {
    const instance = new ec2.Instance(this, id, {
      vpc: this.vpc,
      vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS },
      instanceType: new ec2.InstanceType(options.instanceType),
      // A parameter of AWS's that CloudFormation reads: the newest image at each deployment.
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
