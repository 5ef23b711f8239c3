import { Aws, Duration, RemovalPolicy } from 'aws-cdk-lib';
import {
  DomainName,
  HttpApi,
  HttpStage,
  LogGroupLogDestination,
  SecurityPolicy,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaAuthorizer, HttpLambdaResponseType } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { Architecture, type Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { type ILogGroup, LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { AaaaRecord, ARecord, RecordTarget } from 'aws-cdk-lib/aws-route53';
import { ApiGatewayv2DomainProperties } from 'aws-cdk-lib/aws-route53-targets';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { edgeHeaders } from '../functions/edge-headers.ts';
import type { VariableName } from '../functions/variables.ts';
import { accessLogFormat, edgeAccessLogFormat } from './access-log-format.ts';
import { bundledConfiguration, inspectConfiguration } from './assets.ts';
import { allowSecret } from './key-use.ts';
import { PosternFunction } from './postern-function.ts';
import { grantSecrets, requireEnvironment } from './secret-references.ts';
import { joinSourceCidrs } from './source-cidrs.ts';
import { TailnetLayer } from './tailnet-layer.ts';
import { checkGatewayProps, type WebhookGatewayProps } from './webhook-gateway-props.ts';

/** Just below the time that API Gateway waits. */
const timeout = Duration.seconds(29);
/** Node assumes the memory of the host, and glibc keeps what was freed (docs/functions.md). */
const memoryTuning = {
  NODE_OPTIONS: '--max-old-space-size=48 --max-semi-space-size=2',
  MALLOC_MMAP_THRESHOLD_: '131072',
};
/**
 * Behind the edge the address is CloudFront's. The authorizer looks only at the secret and at the client that CloudFront names:
 * X-Forwarded-For ends in the client's address, whether API Gateway takes it before or after appending CloudFront's.
 */
const edgeIdentity = [edgeHeaders.secret, 'x-forwarded-for'].map((name) => `$request.header.${name}`);
/** With more memory Node's heap needs no limit. */
const tunedUpToMb = 512;

/**
 * The guarded door: an HTTP API whose authorizer admits source addresses, and whose forwarder takes each request through the
 * gateway of postern.yaml and then through the tunnel.
 */
export class WebhookGateway extends Construct {
  readonly api: HttpApi;
  readonly stage: HttpStage;
  readonly forwarder: LambdaFunction;
  readonly authorizer: LambdaFunction;
  readonly accessLogGroup: ILogGroup;
  /** Made when `domainName` is given; without `hostedZone` point a DNS alias at it yourself. */
  readonly domain: DomainName | undefined;
  /** Without this secret the API answers nobody; from `edgeSecret`. */
  readonly edgeSecret: ISecret | undefined;
  /** The URL for clients, or for the edge, without a slash at the end. */
  readonly url: string;

  constructor(scope: Construct, id: string, props: WebhookGatewayProps) {
    super(scope, id);
    checkGatewayProps(props);
    const needs = inspectConfiguration(props.config);
    requireEnvironment(props.config, needs.secrets, props.environment ?? {});

    this.forwarder = this.#makeForwarder(props);
    grantSecrets(this.forwarder, needs.secrets, props.secretKeys);
    if (needs.tailnetPeers.length > 0) this.#joinTailnet(props, needs.tailnetPeers);
    this.authorizer = this.#makeAuthorizer(props);
    if (props.authorizerPolicy === true) grantSecrets(this.authorizer, needs.headSecrets, props.secretKeys);

    this.edgeSecret = props.edgeSecret;
    if (props.edgeSecret !== undefined) {
      allowSecret(this.forwarder, props.edgeSecret);
      allowSecret(this.authorizer, props.edgeSecret);
    }

    this.domain = this.#makeDomain(props);
    this.api = this.#makeApi(props);
    this.accessLogGroup = props.accessLogGroup ?? this.#makeAccessLogGroup(props);
    this.stage = this.#makeStage(props);
    this.url = this.domain === undefined ? this.api.apiEndpoint : `https://${props.domainName}`;
  }

  #makeForwarder(props: WebhookGatewayProps): LambdaFunction {
    const { memorySize = 256, reservedConcurrentExecutions } = props;
    const environment: Partial<Record<VariableName, string>> = {
      POSTERN_CONFIG: bundledConfiguration,
      ...edgeEnvironment(props),
    };
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
      AUTHD_SOURCE_CIDR: joinSourceCidrs(props.sourceCidrs),
      ...(authorizerPolicy && { POSTERN_CONFIG: bundledConfiguration }),
      ...edgeEnvironment(props),
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
    edgeSecret,
  }: WebhookGatewayProps): HttpApi {
    return new HttpApi(this, 'Api', {
      description: 'Postern: the only door to a private network',
      createDefaultStage: false,
      disableExecuteApiEndpoint: this.domain !== undefined,
      // One route for everything: the gateway knows which request goes where, and refuses what no route matches.
      defaultIntegration: new HttpLambdaIntegration('Forward', this.forwarder, { timeout }),
      defaultAuthorizer: new HttpLambdaAuthorizer('Source', this.authorizer, {
        responseTypes: [HttpLambdaResponseType.SIMPLE],
        // Only decisions by address may be remembered by address (docs/functions.md).
        identitySource: edgeSecret === undefined ? ['$context.identity.sourceIp'] : edgeIdentity,
        resultsCacheTtl: authorizerPolicy ? Duration.seconds(0) : authorizerCacheTtl,
      }),
    });
  }

  /**
   * AWS writes the name of each such group into one policy of the account, which is soon full, unless the name begins so:
   * https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
   */
  #makeAccessLogGroup({ logRetention }: WebhookGatewayProps): LogGroup {
    const { id, addr } = this.node;
    return new LogGroup(this, 'AccessLog', {
      logGroupName: `/aws/vendedlogs/postern/${Aws.STACK_NAME}-${id}-${addr.slice(-8)}`,
      retention: logRetention ?? RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
  }

  #makeStage({ throttle = { rateLimit: 100, burstLimit: 200 }, edgeSecret }: WebhookGatewayProps): HttpStage {
    return new HttpStage(this, 'Stage', {
      httpApi: this.api,
      stageName: '$default',
      autoDeploy: true,
      throttle,
      // No detailed metrics: with one route they repeat the stage's, which are free (docs/cost.md).
      accessLogSettings: {
        destination: new LogGroupLogDestination(this.accessLogGroup),
        format: edgeSecret === undefined ? accessLogFormat : edgeAccessLogFormat,
      },
      ...(this.domain !== undefined && { domainMapping: { domainName: this.domain } }),
    });
  }

  #makeDomain(props: WebhookGatewayProps): DomainName | undefined {
    const { domainName, certificate, mutualTls, hostedZone } = props;
    if (domainName === undefined || certificate === undefined) return undefined;
    const domain = new DomainName(this, 'Domain', {
      domainName,
      certificate,
      securityPolicy: SecurityPolicy.TLS_1_2,
      ...(mutualTls !== undefined && { mtls: mutualTls }),
    });
    if (hostedZone !== undefined) {
      const { regionalDomainName, regionalHostedZoneId } = domain;
      const alias = new ApiGatewayv2DomainProperties(regionalDomainName, regionalHostedZoneId);
      const record = { zone: hostedZone, recordName: domainName, target: RecordTarget.fromAlias(alias) };
      new ARecord(this, 'Alias', record);
      new AaaaRecord(this, 'AliasIpv6', record);
    }
    return domain;
  }
}

function edgeEnvironment({ edgeSecret }: WebhookGatewayProps): Partial<Record<VariableName, string>> {
  return edgeSecret === undefined ? {} : { POSTERN_EDGE_SECRET_ID: edgeSecret.secretArn };
}

function shared({ architecture, logRetention, tracing }: WebhookGatewayProps) {
  return {
    ...(architecture !== undefined && { architecture }),
    ...(logRetention !== undefined && { logRetention }),
    ...(tracing !== undefined && { tracing }),
  };
}
