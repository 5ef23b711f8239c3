import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { App, CfnParameter, Duration, Stack } from 'aws-cdk-lib';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { AnyPrincipal, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { HostedZone } from 'aws-cdk-lib/aws-route53';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { displayValue } from '../../base/display-value.ts';
import { PosternStack } from '../../lib/postern-stack.ts';
import { InvalidProps } from '../../lib/problem.ts';
import { TailnetKey, type TailnetKeyProps } from '../../lib/tailnet-key.ts';
import { TailnetKeyIssuer } from '../../lib/tailnet-key-issuer.ts';
import { TailnetLayer } from '../../lib/tailnet-layer.ts';
import type { TailnetOptions } from '../../lib/tailnet-options.ts';
import { WebhookGateway } from '../../lib/webhook-gateway.ts';
import type { WebhookGatewayProps } from '../../lib/webhook-gateway-props.ts';
import { configFile, unbuilt } from './template.ts';

// What a wrong property is answered with while the app is synthesized: what is wrong, the value got, what to do.

const config = configFile(
  'right.yaml',
  `services: { one: { targets: [{ url: http://builder:8080 }], transport: tailnet } }
routes: { all: { match: { path: /* }, service: one, open: true } }
`,
);
const readsEnv = configFile(
  'env.yaml',
  `services: { one: { targets: [{ url: http://builder:8080 }], transport: tailnet } }
routes:
  all:
    match: { path: /* }
    service: one
    plugins: { webhook: { provider: github, secret: 'env:HOOK' } }
`,
);
const readsFile = configFile('file.yaml', readFixture(readsEnv).replace('env:HOOK', 'file:/run/hook'));
const wrongLine = configFile('wrong.yaml', readFixture(readsEnv).replace('service: one', 'service: won'));

function readFixture(path: string): string {
  return readFileSync(path, 'utf8');
}

const sourceCidrs = ['192.0.2.0/24'];
const kept = (stack: Stack): ISecret => Secret.fromSecretNameV2(stack, 'Kept', 'auth-key');
const certificateArn = 'arn:aws:acm:eu-west-1:123456789012:certificate/00000000-0000-0000-0000-000000000000';

const gateway = (props: Partial<WebhookGatewayProps>) => (stack: Stack) =>
  new WebhookGateway(stack, 'Door', { config, sourceCidrs, secret: kept(stack), ...props });

const attach =
  (options: Partial<TailnetOptions>, props: object = {}) =>
  (stack: Stack) =>
    new TailnetLayer(stack, 'Layer').attachTo(
      new LambdaFunction(stack, 'Mine', {
        code: Code.fromInline('-'),
        handler: 'index.handler',
        runtime: Runtime.NODEJS_24_X,
        architecture: Architecture.ARM_64,
        memorySize: 512,
        ...props,
      }),
      { secret: kept(stack), ...options },
    );

const key = (props: Partial<TailnetKeyProps>) => (stack: Stack) =>
  new TailnetKey(stack, 'Key', {
    issuer: TailnetKeyIssuer.tailscale({ oauthClient: kept(stack) }),
    tags: ['tag:postern'],
    ...props,
  });

const cases: readonly (readonly [name: string, make: (stack: Stack) => unknown, message: string | RegExp])[] =
  [
    [
      'no ranges',
      gateway({ sourceCidrs: undefined as never }),
      'WebhookGateway: sourceCidrs is missing; name the ranges that requests come from, such as "192.0.2.0/24", or "0.0.0.0/0" and "::/0" for everyone',
    ],
    ['an empty list of ranges', gateway({ sourceCidrs: [] }), /sourceCidrs is empty; name the ranges/],
    [
      'a wrong range',
      gateway({ sourceCidrs: ['192.0.2.0/24', '192.0.2.7/24'] }),
      /sourceCidrs has the wrong range "192\.0\.2\.7\/24": it has bits set beyond \/24/,
    ],
    [
      'more ranges than a variable takes',
      gateway({ sourceCidrs: Array.from({ length: 255 }, (_, at) => `198.51.${at}.0/24`) }),
      /sourceCidrs has 255 ranges of 39\d\d characters, and a function's environment takes 3500 of them; give wider ranges/,
    ],
    [
      'a configuration that is not there',
      gateway({ config: 'nowhere.yaml' }),
      /^The configuration is wrong:\nnowhere\.yaml: it cannot be read \(ENOENT\)/,
    ],
    [
      'a wrong configuration, at its line',
      gateway({ config: wrongLine }),
      /^The configuration is wrong:\nwrong\.yaml:5:5 routes\.all\.service: unknown service "won"; known are one$/,
    ],
    [
      'a secret of the environment that is not passed on',
      gateway({ config: readsEnv }),
      /env\.yaml names the secret env:HOOK, and environment has no HOOK; keep it in Secrets Manager/,
    ],
    [
      'a secret in a file, which a function has not',
      gateway({ config: readsFile }),
      /names the secret file:\/run\/hook, and a function has no such file; keep it in Secrets Manager/,
    ],
    [
      "a variable that is the construct's own",
      gateway({ environment: { POSTERN_CONFIG: 'x', OTHER: 'y' } }),
      /environment sets POSTERN_CONFIG, which the construct sets itself; use the property for it/,
    ],
    [
      'a cache beside plugins that look at more than the address',
      gateway({ authorizerPolicy: true, authorizerCacheTtl: Duration.minutes(1) }),
      /authorizerCacheTtl is 60 seconds and authorizerPolicy is true; .*leave authorizerCacheTtl out/,
    ],
    [
      'a cache for longer than API Gateway has one',
      gateway({ authorizerCacheTtl: Duration.hours(2) }),
      /authorizerCacheTtl is 7200 seconds; give whole seconds from 0 to 3600/,
    ],
    [
      'a name without its certificate',
      gateway({ domainName: 'hooks.example.com' }),
      /domainName is given without certificate; a domain takes both/,
    ],
    [
      'a certificate without its name',
      (stack) =>
        gateway({ certificate: Certificate.fromCertificateArn(stack, 'Certificate', certificateArn) })(stack),
      /certificate is given without domainName/,
    ],
    [
      'client certificates on the address that AWS gives',
      (stack) =>
        gateway({ mutualTls: { bucket: Bucket.fromBucketName(stack, 'Trust', 'trust'), key: 'ca.pem' } })(
          stack,
        ),
      /mutualTls is given without domainName; API Gateway asks for client certificates only on your own domain/,
    ],
    [
      'a zone without a name',
      (stack) => gateway({ hostedZone: HostedZone.fromHostedZoneId(stack, 'Zone', 'Z0') as never })(stack),
      /hostedZone is given without domainName/,
    ],
    [
      'a service in a tailnet and no way to join it',
      (stack) => new WebhookGateway(stack, 'Door', { config, sourceCidrs }),
      'TailnetLayer: exactly one of key, secret and identity is needed to join the tailnet; given: none',
    ],
    [
      'two ways to join',
      attach({ identity: { clientId: 'id', audience: 'a' } }),
      /exactly one of key, secret and identity is needed to join the tailnet; given: secret and identity/,
    ],
    [
      'an identity without tags',
      attach({ secret: undefined as never, identity: { clientId: 'id', audience: 'a' } }),
      /tags is not set, and identity\.clientId is; set it to the tags of the federated identity/,
    ],
    [
      'a control server that is not a URL',
      attach({ controlUrl: 'headscale.example.com' }),
      /^TailnetLayer: controlUrl is "headscale\.example\.com"; set it to a URL such as https:/,
    ],
    ['a malformed port', attach({ socksPort: 70_000 }), /socksPort is "70000"; set it to a port from 1 to/],
    [
      'a join that outlasts the init of a function',
      attach({ joinTimeout: Duration.seconds(20) }),
      /joinTimeout is 20000 ms; give 8000 ms at most, because Lambda ends a function's init after 10 s/,
    ],
    [
      'a function of another architecture',
      attach({}, { architecture: Architecture.X86_64 }),
      /it is for arm64 and Test\/Mine is x86_64; make the layer with that architecture/,
    ],
    [
      'a function without Node',
      attach({}, { runtime: Runtime.PYTHON_3_14 }),
      /Test\/Mine runs python3\.14, which has no Node 22 or newer for the extension; make the layer with ownNode: true/,
    ],
    [
      'a function with an old Node',
      attach({}, { runtime: Runtime.NODEJS_20_X }),
      /runs nodejs20\.x, which has no/,
    ],
    ['no tags', key({ tags: [] }), /tags is \[\]; name at least one tag/],
    ['a malformed tag', key({ tags: ['postern'] }), /tags is \["postern"\]; .* such as "tag:postern"/],
    [
      'keys that end before two overlap',
      key({ rotateEvery: Duration.days(89) }),
      /rotateEvery is 89 days; give whole days from 1 to 80, because keys live for 90 at most/,
    ],
    ['a rotation by the hour', key({ rotateEvery: Duration.hours(12) }), /rotateEvery is 0\.5 days/],
    [
      'a reader that is not a role',
      (stack) => key({})(stack).grantRead({ grantPrincipal: new AnyPrincipal() }),
      /grantRead takes a role, or something that has one, such as a function/,
    ],
    [
      'a reader in another stack, which would depend on each other',
      (stack) => {
        const other = new Stack(App.of(stack) as App, 'Other');
        const role = new Role(other, 'Reader', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') });
        key({})(stack).grantRead(role);
      },
      /Other\/Reader belongs to another stack, .* pass its ARN as readerRoleArns/,
    ],
    [
      'no ranges in the context either',
      () => new PosternStack(unbuilt(), 'Door', { config }),
      /^PosternStack: sourceCidrs is undefined; list the ranges .* in cdk\.json, "postern": \{"sourceCidrs"/,
    ],
    [
      'a Headscale without its URL',
      () => new PosternStack(unbuilt(), 'Door', { config, sourceCidrs, issuer: 'headscale' }),
      /issuer is headscale without a controlUrl; give its URL/,
    ],
    [
      'an issuer that is not known',
      () => new PosternStack(unbuilt(), 'Door', { config, sourceCidrs, issuer: 'zerotier' as never }),
      /issuer is "zerotier"; write tailscale or headscale/,
    ],
    [
      'an architecture that is not known',
      () => new PosternStack(unbuilt(), 'Door', { config, sourceCidrs, architecture: 'x64' as never }),
      /architecture is "x64"; write arm64 or x86_64/,
    ],
    [
      'ranges beside a list of the deployment',
      (stack) =>
        gateway({
          sourceCidrs: [
            '192.0.2.0/24',
            ...new CfnParameter(stack, 'Ranges', { type: 'CommaDelimitedList' }).valueAsList,
          ],
        })(stack),
      /^WebhookGateway: sourceCidrs puts other ranges beside a list that only the deployment knows/,
    ],
    [
      'a wrong range beside a token',
      (stack) =>
        gateway({ sourceCidrs: [new CfnParameter(stack, 'Office').valueAsString, '192.0.2.1/24'] })(stack),
      /^WebhookGateway: sourceCidrs has the wrong range "192.0.2.1\/24"/,
    ],
    [
      'sandboxes that are not a number',
      gateway({ reservedConcurrentExecutions: '5' as never }),
      /^WebhookGateway: reservedConcurrentExecutions is "5"; give a whole number/,
    ],
    [
      'no sandbox at all',
      gateway({ reservedConcurrentExecutions: 0 }),
      /^WebhookGateway: reservedConcurrentExecutions is 0; give a whole number/,
    ],
    ...['my_host', '-door', 'door-', 'a'.repeat(64), 'door.example.com', 'tür'].map(
      (hostname) =>
        [
          `the name of a node that is not a DNS label: ${hostname}`,
          attach({ hostname }),
          new RegExp(
            `^TailnetLayer: hostname is ${displayValue(hostname)}; set it to letters, digits and hyphens`,
          ),
        ] as const,
    ),
    [
      'a choice that is not known',
      () => new PosternStack(unbuilt({ postern: { sourceCidr: [] } }), 'Door'),
      /^The context postern: it has sourceCidr; known are config, sourceCidrs/,
    ],
    [
      'a context that is not an object',
      () => new PosternStack(unbuilt({ postern: 'yes' }), 'Door'),
      /^The context postern: it is "yes"; give an object/,
    ],
  ];

for (const [name, make, message] of cases) {
  test(`${name}: refused while the app is synthesized`, () => {
    assert.throws(
      () => make(new Stack(unbuilt(), 'Test')),
      (error: Error) => {
        assert.ok(error instanceof InvalidProps, error.stack);
        if (typeof message === 'string') assert.equal(error.message, message);
        else assert.match(error.message, message);
        return true;
      },
    );
  });
}

test('everyone can be admitted by saying so', () => {
  const stack = new Stack(unbuilt(), 'Test');
  gateway({ sourceCidrs: ['0.0.0.0/0', '::/0'] })(stack);
});
