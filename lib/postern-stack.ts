import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { Architecture } from 'aws-cdk-lib/aws-lambda';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';
import { readContextChoices } from './context-choices.ts';
import { type EdgeChoice, readEdgeChoice } from './edge-choice.ts';
import { EdgeDistribution } from './edge-distribution.ts';
import { Observability } from './observability.ts';
import { InvalidProps } from './problem.ts';
import { TailnetKey } from './tailnet-key.ts';
import { TailnetKeyIssuer } from './tailnet-key-issuer.ts';
import { WebhookGateway } from './webhook-gateway.ts';

/** What may be chosen, as properties of the stack or as the context `postern` (an object in cdk.json, JSON with `--context`). */
export interface PosternChoices {
  /**
   * The path of postern.yaml.
   *
   * @default postern.yaml
   */
  readonly config?: string;
  /** The ranges that may send at all. There is no default: name them here or in the context. */
  readonly sourceCidrs?: readonly string[];
  /**
   * Who makes the auth keys: `tailscale` or `headscale`.
   *
   * @default tailscale
   */
  readonly issuer?: 'tailscale' | 'headscale';
  /**
   * The name of the secret with the issuer's credentials: an OAuth client for Tailscale, an API key for Headscale.
   *
   * @default - postern/oauth-client or postern/headscale-api-key
   */
  readonly credentials?: string;
  /**
   * The control server of the tailnet; Headscale's URL.
   *
   * @default - Tailscale's own
   */
  readonly controlUrl?: string;
  /**
   * The tags of the gateway's nodes.
   *
   * @default tag:postern
   */
  readonly tailnetTags?: readonly string[];
  /**
   * Memory of the forwarder in MB.
   *
   * @default 256
   */
  readonly memorySize?: number;
  /**
   * How many sandboxes of the forwarder may run at once, each a node of the tailnet.
   *
   * @default - as many as the account allows (docs/operations.md, Concurrency)
   */
  readonly reservedConcurrency?: number;
  /**
   * Architecture of the functions: `arm64` or `x86_64`.
   *
   * @default arm64
   */
  readonly architecture?: 'arm64' | 'x86_64';
  /**
   * Who gets a mail when an alarm fires; AWS first sends a mail to confirm the address.
   *
   * @default - nobody; alarms are shown only on the dashboard
   */
  readonly alarmEmail?: string;
  /**
   * CloudFront and AWS WAF in front; the API then answers nobody else.
   *
   * @default - none
   */
  readonly edge?: EdgeChoice;
}

export interface PosternStackProps extends StackProps, PosternChoices {}

const known: readonly (keyof PosternChoices)[] = [
  'config',
  'sourceCidrs',
  'issuer',
  'credentials',
  'controlUrl',
  'tailnetTags',
  'memorySize',
  'reservedConcurrency',
  'architecture',
  'alarmEmail',
  'edge',
];
const architectures: Readonly<Record<string, Architecture>> = {
  arm64: Architecture.ARM_64,
  x86_64: Architecture.X86_64,
};

/** The whole deployment: key and rotation, layer, functions, API, dashboard and alarms. */
export class PosternStack extends Stack {
  readonly key: TailnetKey;
  readonly gateway: WebhookGateway;
  readonly observability: Observability;
  readonly edge: EdgeDistribution | undefined;

  constructor(scope: Construct, id: string, props: PosternStackProps = {}) {
    super(scope, id, {
      description: 'Postern: one guarded door to the services of a private network',
      ...props,
    });
    const choices: PosternChoices = {
      ...(readContextChoices('postern', this.node.tryGetContext('postern'), known) as PosternChoices),
      ...props,
    };
    const {
      config = 'postern.yaml',
      tailnetTags = ['tag:postern'],
      memorySize,
      reservedConcurrency,
    } = choices;
    const architecture = architectureOf(choices.architecture ?? 'arm64');
    this.key = new TailnetKey(this, 'Key', { issuer: this.#issuer(choices), tags: tailnetTags });
    const edge = readEdgeChoice(choices.edge);
    this.gateway = new WebhookGateway(this, 'Gateway', {
      config,
      sourceCidrs: sourceCidrsOf(choices),
      key: this.key,
      architecture,
      ...(choices.controlUrl !== undefined && { controlUrl: choices.controlUrl }),
      ...(memorySize !== undefined && { memorySize }),
      ...(reservedConcurrency !== undefined && { reservedConcurrentExecutions: reservedConcurrency }),
      ...(edge !== undefined && { edgeSecret: EdgeDistribution.makeSecret(this, 'EdgeSecret') }),
    });
    this.observability = this.#observe(choices);
    this.edge = edge && this.#makeEdge(edge);
    this.#output();
  }

  #output(): void {
    const { forwarder, authorizer, accessLogGroup } = this.gateway;
    const { rotation, secret } = this.key;
    const outputs: readonly (readonly [id: string, value: string, description: string])[] = [
      ['Url', (this.edge ?? this.gateway).url, 'Where webhooks are sent to'],
      ['KeySecret', secret.secretName, 'The secret with the auth key of the tailnet'],
      ['Dashboard', this.observability.dashboard.dashboardName, 'The dashboard in CloudWatch'],
      ['AccessLog', accessLogGroup.logGroupName, 'The log group of the API: one line for each request'],
      ['ForwarderLog', forwarder.logGroup.logGroupName, 'The log group of the forwarder and of the tunnel'],
      ['AuthorizerLog', authorizer.logGroup.logGroupName, 'The log group of the authorizer'],
      ['RotationLog', rotation.logGroup.logGroupName, 'The log group of the rotation'],
    ];
    for (const [id, value, description] of outputs) new CfnOutput(this, id, { value, description });
  }

  #makeEdge({ certificateArn, ...rest }: EdgeChoice): EdgeDistribution {
    const certificate = Certificate.fromCertificateArn(this, 'EdgeCertificate', certificateArn);
    const edge = new EdgeDistribution(this, 'Edge', { gateway: this.gateway, certificate, ...rest });
    new CfnOutput(this, 'EdgeAlias', {
      value: edge.distribution.distributionDomainName,
      description: `What ${rest.domainName} must point at`,
    });
    return edge;
  }

  #observe({ alarmEmail }: PosternChoices): Observability {
    const watched = { gateway: this.gateway, key: this.key };
    if (alarmEmail === undefined) return new Observability(this, 'Observability', watched);
    if (!/^[^\s@]+@[^\s@]+$/.test(alarmEmail))
      throw new InvalidProps(
        'PosternStack',
        `alarmEmail is ${JSON.stringify(alarmEmail)}; give one mail address`,
      );
    const alarmTopic = new Topic(this, 'Alarms', { displayName: 'Alarms of Postern', enforceSSL: true });
    alarmTopic.addSubscription(new EmailSubscription(alarmEmail));
    return new Observability(this, 'Observability', { ...watched, alarmTopic });
  }

  #issuer({ issuer = 'tailscale', controlUrl, credentials }: PosternChoices): TailnetKeyIssuer {
    const named = (name: string) => Secret.fromSecretNameV2(this, 'IssuerCredentials', credentials ?? name);
    if (issuer === 'tailscale')
      return TailnetKeyIssuer.tailscale({ oauthClient: named('postern/oauth-client') });
    if (issuer === 'headscale' && controlUrl !== undefined)
      return TailnetKeyIssuer.headscale({ url: controlUrl, apiKey: named('postern/headscale-api-key') });
    throw new InvalidProps(
      'PosternStack',
      issuer === 'headscale'
        ? 'issuer is headscale without a controlUrl; give its URL, such as https://headscale.example.com'
        : `issuer is ${JSON.stringify(issuer)}; write tailscale or headscale`,
    );
  }
}

function sourceCidrsOf({ sourceCidrs }: PosternChoices): readonly string[] {
  if (Array.isArray(sourceCidrs)) return sourceCidrs;
  throw new InvalidProps(
    'PosternStack',
    `sourceCidrs is ${JSON.stringify(sourceCidrs)}; list the ranges that webhooks come from in cdk.json, "postern": {"sourceCidrs": ["192.0.2.0/24"]}, or "0.0.0.0/0" and "::/0" for everyone`,
  );
}

function architectureOf(name: string): Architecture {
  const architecture = architectures[name];
  if (architecture === undefined)
    throw new InvalidProps('PosternStack', `architecture is ${JSON.stringify(name)}; write arm64 or x86_64`);
  return architecture;
}
