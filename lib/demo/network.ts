import { RemovalPolicy } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';

/** Two small subnets in one zone: the NAT gateway's, and the private one that uses it. All traffic is logged for a week. */
export function makeNetwork(scope: Construct, cidr: string): ec2.IVpc {
  const log = new logs.LogGroup(scope, 'FlowLog', {
    retention: logs.RetentionDays.ONE_WEEK,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const network: ec2.Vpc = new ec2.Vpc(scope, 'Network', {
    ipAddresses: ec2.IpAddresses.cidr(cidr),
    natGateways: 1,
    // Emptying the default group would need a function in the account, and nothing here uses that group.
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

/** No inbound rule. Outbound only what the tailnet and the packages need. */
export function makeSecurityGroup(scope: Construct, vpc: ec2.IVpc, controlUrl: string): ec2.SecurityGroup {
  const group = new ec2.SecurityGroup(scope, 'OutboundOnly', {
    vpc,
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
