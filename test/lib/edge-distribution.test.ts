import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type App, Duration, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { Key } from 'aws-cdk-lib/aws-kms';
import { HostedZone } from 'aws-cdk-lib/aws-route53';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { edgeHeaders } from '../../functions/edge-headers.ts';
import { EdgeDistribution, type EdgeDistributionProps } from '../../lib/edge-distribution.ts';
import { InvalidProps } from '../../lib/problem.ts';
import { WebhookGateway } from '../../lib/webhook-gateway.ts';
import type { WebhookGatewayProps } from '../../lib/webhook-gateway-props.ts';
import { solutionsFindings } from './aws-solutions.ts';
import { configFile, propertiesOf, rightsOf, unbuilt } from './template.ts';

const config = configFile(
  'edge.yaml',
  `services: { status: { targets: [{ url: https://status.example.com }], transport: direct } }
routes: { all: { match: { hosts: [hooks.example.com], path: /* }, service: status, open: true } }
`,
);
const certificateArn = (region: string) =>
  `arn:aws:acm:${region}:123456789012:certificate/00000000-0000-0000-0000-000000000000`;
const webAclArn = 'arn:aws:wafv2:us-east-1:123456789012:global/webacl/edge/0';

interface Changes {
  readonly region?: string;
  readonly gateway?: (stack: Stack) => Partial<WebhookGatewayProps>;
  readonly edge?: (stack: Stack) => Partial<EdgeDistributionProps>;
}

function edgeStack(app: App, { region = 'eu-west-1', gateway, edge }: Changes = {}): Stack {
  const stack = new Stack(app, 'Test', { env: { region } });
  const door = new WebhookGateway(stack, 'Door', {
    config,
    sourceCidrs: ['192.0.2.0/24'],
    edgeSecret: EdgeDistribution.makeSecret(stack, 'EdgeSecret'),
    ...gateway?.(stack),
  });
  new EdgeDistribution(stack, 'Edge', {
    gateway: door,
    domainName: 'hooks.example.com',
    certificate: Certificate.fromCertificateArn(stack, 'Certificate', certificateArn('us-east-1')),
    webAclArn,
    ...edge?.(stack),
  });
  return stack;
}

const edgeTemplate = (changes: Changes = {}) => Template.fromStack(edgeStack(unbuilt(), changes));
const template = edgeTemplate();

interface Origin {
  readonly DomainName: string;
  readonly CustomOriginConfig: Record<string, unknown>;
  readonly OriginCustomHeaders: readonly { readonly HeaderName: string; readonly HeaderValue: string }[];
}

interface DistributionConfig {
  readonly Origins: readonly [Origin];
  readonly DefaultCacheBehavior: Record<string, unknown>;
  readonly CustomErrorResponses: readonly {
    readonly ErrorCode: number;
    readonly ErrorCachingMinTTL: number;
  }[];
  readonly CacheBehaviors?: unknown;
  readonly Logging: Record<string, unknown>;
  readonly ViewerCertificate: Record<string, unknown>;
  readonly WebACLId: string;
  readonly Aliases: readonly string[];
}

function distributionOf(from: Template): DistributionConfig {
  return propertiesOf(from, 'AWS::CloudFront::Distribution').DistributionConfig as DistributionConfig;
}

const distribution = distributionOf(template);
const [origin] = distribution.Origins;

/** https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html and …origin-request-policies.html */
const managed = {
  CachingDisabled: '4135ea2d-6df8-44a3-9df3-4b5a84be39ad',
  AllViewerExceptHostHeader: 'b689b0a8-53d0-40ab-baf2-68738e2966ac',
};

test('every method goes on with its headers, query and body, over TLS alone, and nothing is kept', () => {
  const { TargetOriginId: _id, ...behavior } = distribution.DefaultCacheBehavior;
  assert.deepEqual(behavior, {
    AllowedMethods: ['GET', 'HEAD', 'OPTIONS', 'PUT', 'PATCH', 'POST', 'DELETE'],
    CachePolicyId: managed.CachingDisabled,
    OriginRequestPolicyId: managed.AllViewerExceptHostHeader,
    ViewerProtocolPolicy: 'https-only',
    Compress: false,
  });
  assert.equal(distribution.CacheBehaviors, undefined);
});

test('no refusal is remembered, so that what one client got is given to no other', () => {
  const remembered = distribution.CustomErrorResponses.map((one) => [one.ErrorCode, one.ErrorCachingMinTTL]);
  // All that CloudFront remembers by itself: HTTPStatusCodes.html in its guide.
  const codes = [400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504];
  assert.deepEqual(
    remembered,
    codes.map((code) => [code, 0]),
  );
});

test('clients need TLS 1.2, and CloudFront speaks nothing less to the API', () => {
  const { MinimumProtocolVersion, SslSupportMethod, AcmCertificateArn } = distribution.ViewerCertificate;
  assert.deepEqual([MinimumProtocolVersion, SslSupportMethod], ['TLSv1.2_2021', 'sni-only']);
  assert.equal(AcmCertificateArn, certificateArn('us-east-1'));
  assert.deepEqual(origin.CustomOriginConfig, {
    OriginProtocolPolicy: 'https-only',
    OriginSSLProtocols: ['TLSv1.2'],
    OriginReadTimeout: 35,
  });
  assert.deepEqual(distribution.Aliases, ['hooks.example.com']);
  assert.equal(distribution.WebACLId, webAclArn);
});

test('CloudFront itself writes the secret and the name that was asked for, over whatever a client sends', () => {
  assert.deepEqual(
    Object.fromEntries(origin.OriginCustomHeaders.map((one) => [one.HeaderName, one.HeaderValue])),
    {
      [edgeHeaders.secret]: '{{resolve:secretsmanager:<EdgeSecret>:SecretString:::}}',
      [edgeHeaders.host]: 'hooks.example.com',
    },
  );
});

test('the secret is generated, long, and its value stands in no template', () => {
  assert.deepEqual(propertiesOf(template, 'AWS::SecretsManager::Secret').GenerateSecretString, {
    PasswordLength: 64,
    ExcludePunctuation: true,
  });
  const named = distributionOf(edgeTemplate({ edge: () => ({ secretVersionId: 'version-2' }) }));
  assert.equal(
    named.Origins[0].OriginCustomHeaders.find((one) => one.HeaderName === edgeHeaders.secret)?.HeaderValue,
    '{{resolve:secretsmanager:<EdgeSecret>:SecretString:::version-2}}',
  );
});

test('both functions ask for the secret, may read it, and no other role may', () => {
  for (const name of ['DoorForwarder', 'DoorAuthorizer']) {
    const { Environment } = propertiesOf(template, 'AWS::Lambda::Function', name);
    const { Variables } = Environment as { Variables: Record<string, string> };
    assert.equal(Variables.POSTERN_EDGE_SECRET_ID, '<EdgeSecret>');
  }
  const readers = Object.entries(rightsOf(template)).filter(([, rights]) =>
    rights.some((right) => right.endsWith('on <EdgeSecret>')),
  );
  assert.deepEqual(
    readers.map(([role, rights]) => [role, rights.filter((right) => !right.startsWith('logs:'))]),
    ['<DoorForwarderRole>', '<DoorAuthorizerRole>'].map((role) => [
      role,
      ['secretsmanager:GetSecretValue on <EdgeSecret>'],
    ]),
  );
});

test("a secret under a customer's key may be decrypted only through Secrets Manager", () => {
  const keyArn = 'arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000';
  const own = edgeTemplate({
    gateway: (stack) => ({
      edgeSecret: EdgeDistribution.makeSecret(stack, 'OwnSecret', {
        encryptionKey: Key.fromKeyArn(stack, 'Own', keyArn),
      }),
    }),
  });
  const through = '{"StringEquals":{"kms:ViaService":"secretsmanager.eu-west-1.amazonaws.com"}}';
  for (const role of ['<DoorForwarderRole>', '<DoorAuthorizerRole>'])
    assert.ok(rightsOf(own)[role]?.includes(`kms:Decrypt on ${keyArn} when ${through}`), role);
});

test('API Gateway remembers by what was shown and by who sent it, never by an address of CloudFront', () => {
  const { IdentitySource, AuthorizerResultTtlInSeconds } = propertiesOf(
    template,
    'AWS::ApiGatewayV2::Authorizer',
  );
  assert.deepEqual(IdentitySource, ['$request.header.x-postern-edge', '$request.header.x-forwarded-for']);
  assert.equal(AuthorizerResultTtlInSeconds, 300);
  const policy = edgeTemplate({ gateway: () => ({ authorizerPolicy: true }) });
  assert.equal(propertiesOf(policy, 'AWS::ApiGatewayV2::Authorizer').AuthorizerResultTtlInSeconds, 0);
});

test("the API's log has the client's address beside CloudFront's, and neither has the secret", () => {
  const { AccessLogSettings } = propertiesOf(template, 'AWS::ApiGatewayV2::Stage');
  const { Format } = AccessLogSettings as { Format: string };
  const { source, viewer } = JSON.parse(Format) as Record<string, string>;
  assert.deepEqual([source, viewer], ['$context.identity.sourceIp', '$context.authorizer.source']);
  assert.equal(Format.includes(edgeHeaders.secret), false);
});

test('CloudFront asks the address that AWS gave the API, or its own name where that address is closed', () => {
  assert.match(JSON.stringify(origin.DomainName), /ApiEndpoint/);
  const named = edgeTemplate({
    gateway: (stack) => ({
      domainName: 'origin.example.com',
      certificate: Certificate.fromCertificateArn(stack, 'Own', certificateArn('eu-west-1')),
    }),
  });
  assert.equal(distributionOf(named).Origins[0].DomainName, 'origin.example.com');
  assert.equal(propertiesOf(named, 'AWS::ApiGatewayV2::Api').DisableExecuteApiEndpoint, true);
});

test('the access log goes to a bucket that is private, encrypted, and empties itself', () => {
  assert.deepEqual(Object.keys(distribution.Logging), ['Bucket']);
  const bucket = Object.values(template.findResources('AWS::S3::Bucket'))[0] as Record<string, unknown>;
  const { BucketEncryption, PublicAccessBlockConfiguration, LifecycleConfiguration, OwnershipControls } =
    bucket.Properties as Record<string, unknown>;
  assert.ok(BucketEncryption);
  assert.deepEqual(Object.values(PublicAccessBlockConfiguration as object), [true, true, true, true]);
  assert.deepEqual(LifecycleConfiguration, {
    Rules: [
      {
        AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
        ExpirationInDays: 90,
        Status: 'Enabled',
      },
    ],
  });
  assert.deepEqual(OwnershipControls, { Rules: [{ ObjectOwnership: 'ObjectWriter' }] });
  assert.equal(bucket.DeletionPolicy, 'Retain');
});

test('with a zone the name points at CloudFront, IPv4 and IPv6', () => {
  const zoned = edgeTemplate({
    edge: (stack) => ({
      hostedZone: HostedZone.fromHostedZoneAttributes(stack, 'Zone', {
        hostedZoneId: 'Z1',
        zoneName: 'example.com',
      }),
    }),
  });
  const records = Object.values(zoned.findResources('AWS::Route53::RecordSet')).map(({ Properties }) => [
    Properties.Type,
    Properties.Name,
  ]);
  assert.deepEqual(records, [
    ['A', 'hooks.example.com.'],
    ['AAAA', 'hooks.example.com.'],
  ]);
});

test('in us-east-1 one stack has it all', () => {
  const whole = edgeTemplate({ region: 'us-east-1', edge: () => ({ webAclArn: undefined as never }) });
  assert.equal(distributionOf(whole).WebACLId, '<EdgeFirewallWebAcl.Arn>');
});

const wrong: readonly [name: string, make: (app: App) => unknown, message: RegExp][] = [
  [
    'a gateway that answers everyone',
    (app) => edgeStack(app, { gateway: () => ({ edgeSecret: undefined as never }) }),
    /^EdgeDistribution: the gateway has no edgeSecret.*makeSecret/s,
  ],
  [
    'no firewall outside us-east-1',
    (app) => edgeStack(app, { edge: () => ({ webAclArn: undefined as never }) }),
    /^EdgeDistribution: webAclArn is not given.*EdgeFirewallStack/,
  ],
  [
    'a firewall of a region',
    (app) =>
      edgeStack(app, {
        edge: () => ({ webAclArn: webAclArn.replace('global', 'regional') }),
      }),
    /^EdgeDistribution: webAclArn is ".*regional.*"; give one of scope CLOUDFRONT/,
  ],
  [
    'one name for both',
    (app) =>
      edgeStack(app, {
        gateway: (stack) => ({
          domainName: 'hooks.example.com',
          certificate: Certificate.fromCertificateArn(stack, 'Own', certificateArn('eu-west-1')),
        }),
      }),
    /^EdgeDistribution: domainName is hooks\.example\.com, which is also the gateway's own name/,
  ],
  [
    'client certificates, which end at CloudFront',
    (app) =>
      edgeStack(app, {
        gateway: (stack) => ({
          domainName: 'origin.example.com',
          certificate: Certificate.fromCertificateArn(stack, 'Own', certificateArn('eu-west-1')),
          mutualTls: { bucket: Bucket.fromBucketName(stack, 'Trust', 'trust'), key: 'clients.pem' },
        }),
      }),
    /^WebhookGateway: mutualTls and edgeSecret are both given/,
  ],
];
for (const [name, make, message] of wrong) {
  test(`wrong: ${name}`, () => {
    assert.throws(
      () => make(unbuilt()),
      (error: Error) => {
        assert.ok(error instanceof InvalidProps, String(error));
        assert.match(error.message, message);
        return true;
      },
    );
  });
}

test("AWS's own rules (cdk-nag, AwsSolutions) find nothing but what is acknowledged with its reason", () => {
  const everywhere = solutionsFindings((app) =>
    edgeStack(app, {
      region: 'us-east-1',
      edge: () => ({ webAclArn: undefined as never, logRetention: Duration.days(7) }),
    }),
  );
  assert.deepEqual(everywhere, []);
});
