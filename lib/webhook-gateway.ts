import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import {
  DomainName,
  HttpApi,
  HttpStage,
  LogGroupLogDestination,
  type MTLSConfig,
  SecurityPolicy,
  type ThrottleSettings,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaAuthorizer, HttpLambdaResponseType } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type { ICertificate } from 'aws-cdk-lib/aws-certificatemanager';
import { Architecture, type Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { VariableName } from '../gateway/environment.ts';
import { accessLogFormat } from './access-log-format.ts';
import { bundledConfiguration, inspectConfiguration } from './assets.ts';
import { PosternFunction } from './postern-function.ts';
import { InvalidProps } from './problem.ts';
import { grantSecrets, requireEnvironment } from './secret-references.ts';
import { checkSourceCidrs } from './source-cidrs.ts';
import { TailnetLayer, type TailnetOptions } from './tailnet-layer.ts';

export interface WebhookGatewayProps extends Omit<TailnetOptions, 'socksPort'> {
  /** The path of postern.yaml. It is checked while the app is synthesized, and what is wrong is said with its line. */
  readonly config: string;
  /** The ranges that may send at all, IPv4 and IPv6. There is no default: `['0.0.0.0/0', '::/0']` admits everyone, and says so. */
  readonly sourceCidrs: readonly string[];
  /** Names of environment variables that postern.yaml takes secrets from (`env:NAME`), and their values. @default - none; secrets are in Secrets Manager */
  readonly environment?: Readonly<Record<string, string>>;
  /** The layer with the tunnel; of the same architecture. @default - one is made, unless no service of the configuration is in a tailnet */
  readonly layer?: TailnetLayer;
  /** Memory of the forwarder, which is its share of a CPU too. @default - 256 MB */
  readonly memorySize?: number;
  /** Architecture of the functions. @default - arm64 */
  readonly architecture?: Architecture;
  /** How many requests the API takes before it answers 429. @default - 100 a second, bursts of 200 */
  readonly throttle?: ThrottleSettings;
  /** How many sandboxes of the forwarder may run at once, each a node of the tailnet. @default - as many as the account allows */
  readonly reservedConcurrentExecutions?: number;
  /** How long API Gateway remembers the authorizer's decision on an address. @default - 5 minutes; with `authorizerPolicy` it remembers nothing */
  readonly authorizerCacheTtl?: Duration;
  /**
   * Whether the authorizer decides by the plugins too that need no body, such as `authorize` on headers. Then refused requests
   * never reach the forwarder, and each request asks the authorizer.
   *
   * @default - no: the authorizer decides on the address, the forwarder on everything
   */
  readonly authorizerPolicy?: boolean;
  /** A name of your own, with its certificate. The address that AWS gives is then closed. @default - the address that AWS gives */
  readonly domainName?: string;
  /** The certificate of `domainName`, in the same region. @default - none */
  readonly certificate?: ICertificate;
  /** Clients must show a certificate of one of these authorities; needs `domainName`. @default - they need not */
  readonly mutualTls?: MTLSConfig;
  /** How long access logs and the functions' logs are kept. @default - three months */
  readonly logRetention?: RetentionDays;
  /** Traces by X-Ray. @default - none */
  readonly tracing?: boolean;
}

/** Just below what API Gateway waits. */
const timeout = Duration.seconds(29);
/** Node takes the sandbox for a machine of the host's size, and glibc keeps what was freed (docs/functions.md). */
const memoryTuning = {
  NODE_OPTIONS: '--max-old-space-size=48 --max-semi-space-size=2',
  MALLOC_MMAP_THRESHOLD_: '131072',
};
/** Above this Node's heap need not be held down. */
const tunedUpToMb = 512;

/**
 * The guarded door: an HTTP API whose authorizer admits source addresses, and whose forwarder takes each request through the
 * gateway of postern.yaml and on through the tunnel.
 */
export class WebhookGateway extends Construct {
  readonly api: HttpApi;
  readonly stage: HttpStage;
  readonly forwarder: LambdaFunction;
  readonly authorizer: LambdaFunction;
  readonly accessLogGroup: LogGroup;
  /** Made when `domainName` is given: point a DNS alias at it. */
  readonly domain: DomainName | undefined;
  /** Where clients send to, without a slash at its end. */
  readonly url: string;

  constructor(scope: Construct, id: string, props: WebhookGatewayProps) {
    super(scope, id);
    checkSourceCidrs(props.sourceCidrs);
    checkDomain(props);
    const needs = inspectConfiguration(props.config);
    requireEnvironment(props.config, needs.secrets, props.environment ?? {});

    this.forwarder = this.#makeForwarder(props);
    grantSecrets(this.forwarder, needs.secrets);
    if (needs.tailnetPeers.length > 0) this.#joinTailnet(props, needs.tailnetPeers);
    this.authorizer = this.#makeAuthorizer(props);
    if (props.authorizerPolicy === true) grantSecrets(this.authorizer, needs.headSecrets);

    this.domain = this.#makeDomain(props);
    this.api = this.#makeApi(props);
    this.accessLogGroup = new LogGroup(this, 'AccessLog', {
      retention: props.logRetention ?? RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.stage = this.#makeStage(props);
    this.url = this.domain === undefined ? this.api.apiEndpoint : `https://${props.domainName}`;
  }

  #makeForwarder(props: WebhookGatewayProps): LambdaFunction {
    const { memorySize = 256, reservedConcurrentExecutions } = props;
    const environment: Partial<Record<VariableName, string>> = { POSTERN_CONFIG: bundledConfiguration };
    return new PosternFunction(this, 'Forwarder', {
      name: 'forwarder',
      description: 'Takes each request through the gateway and on to its target',
      config: props.config,
      timeout,
      memorySize,
      environment: { ...(memorySize <= tunedUpToMb && memoryTuning), ...environment, ...props.environment },
      ...shared(props),
      ...(reservedConcurrentExecutions !== undefined && { reservedConcurrentExecutions }),
    });
  }

  #joinTailnet(props: WebhookGatewayProps, peers: readonly string[]): void {
    const { architecture = Architecture.ARM_64, layer = new TailnetLayer(this, 'Layer', { architecture }) } =
      props;
    const { key, secret, identity, controlUrl, hostname, tags, targets = peers, joinTimeout } = props;
    layer.attachTo(this.forwarder, {
      targets,
      ...(key !== undefined && { key }),
      ...(secret !== undefined && { secret }),
      ...(identity !== undefined && { identity }),
      ...(controlUrl !== undefined && { controlUrl }),
      ...(hostname !== undefined && { hostname }),
      ...(tags !== undefined && { tags }),
      ...(joinTimeout !== undefined && { joinTimeout }),
    });
  }

  #makeAuthorizer(props: WebhookGatewayProps): LambdaFunction {
    const { authorizerPolicy = false, config } = props;
    const environment: Partial<Record<VariableName, string>> = {
      AUTHD_SOURCE_CIDR: props.sourceCidrs.join(','),
      ...(authorizerPolicy && { POSTERN_CONFIG: bundledConfiguration }),
    };
    return new PosternFunction(this, 'Authorizer', {
      name: 'authorizer',
      description: 'Admits requests by their source address',
      ...(authorizerPolicy && { config }),
      timeout: Duration.seconds(10),
      environment: { ...environment, ...(authorizerPolicy && props.environment) },
      ...shared(props),
    });
  }

  #makeApi({
    authorizerCacheTtl = Duration.minutes(5),
    authorizerPolicy = false,
  }: WebhookGatewayProps): HttpApi {
    return new HttpApi(this, 'Api', {
      description: 'Postern: the only door to a private network',
      createDefaultStage: false,
      disableExecuteApiEndpoint: this.domain !== undefined,
      // One route for everything: which request goes where is the gateway's to know, and it refuses what no route matches.
      defaultIntegration: new HttpLambdaIntegration('Forward', this.forwarder, { timeout }),
      defaultAuthorizer: new HttpLambdaAuthorizer('Source', this.authorizer, {
        responseTypes: [HttpLambdaResponseType.SIMPLE],
        // Decisions by address alone may be remembered by address alone (docs/functions.md).
        identitySource: ['$context.identity.sourceIp'],
        resultsCacheTtl: authorizerPolicy ? Duration.seconds(0) : authorizerCacheTtl,
      }),
    });
  }

  #makeStage({ throttle = { rateLimit: 100, burstLimit: 200 } }: WebhookGatewayProps): HttpStage {
    return new HttpStage(this, 'Stage', {
      httpApi: this.api,
      stageName: '$default',
      autoDeploy: true,
      throttle,
      detailedMetricsEnabled: true,
      accessLogSettings: {
        destination: new LogGroupLogDestination(this.accessLogGroup),
        format: accessLogFormat,
      },
      ...(this.domain !== undefined && { domainMapping: { domainName: this.domain } }),
    });
  }

  #makeDomain({ domainName, certificate, mutualTls }: WebhookGatewayProps): DomainName | undefined {
    if (domainName === undefined || certificate === undefined) return undefined;
    return new DomainName(this, 'Domain', {
      domainName,
      certificate,
      securityPolicy: SecurityPolicy.TLS_1_2,
      ...(mutualTls !== undefined && { mtls: mutualTls }),
    });
  }
}

function shared({ architecture, logRetention, tracing }: WebhookGatewayProps) {
  return {
    ...(architecture !== undefined && { architecture }),
    ...(logRetention !== undefined && { logRetention }),
    ...(tracing !== undefined && { tracing }),
  };
}

function checkDomain({ domainName, certificate, mutualTls }: WebhookGatewayProps): void {
  if ((domainName === undefined) !== (certificate === undefined)) {
    const [given, missing] =
      domainName === undefined ? ['certificate', 'domainName'] : ['domainName', 'certificate'];
    throw new InvalidProps('WebhookGateway', `${given} is given without ${missing}; a domain takes both`);
  }
  if (mutualTls !== undefined && domainName === undefined) {
    throw new InvalidProps(
      'WebhookGateway',
      'mutualTls is given without domainName; API Gateway asks for client certificates on a domain of your own alone',
    );
  }
}
