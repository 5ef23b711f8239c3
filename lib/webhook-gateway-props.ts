import { type Duration, Token } from 'aws-cdk-lib';
import type { MTLSConfig, ThrottleSettings } from 'aws-cdk-lib/aws-apigatewayv2';
import type { ICertificate } from 'aws-cdk-lib/aws-certificatemanager';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Architecture } from 'aws-cdk-lib/aws-lambda';
import type { ILogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IHostedZone } from 'aws-cdk-lib/aws-route53';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import { variables } from '../functions/variables.ts';
import { InvalidProps } from './problem.ts';
import { checkSourceCidrs } from './source-cidrs.ts';
import type { TailnetLayer } from './tailnet-layer.ts';
import type { TailnetOptions } from './tailnet-options.ts';

export interface WebhookGatewayProps extends Omit<TailnetOptions, 'socksPort'> {
  /** The path of postern.yaml. It is checked while the app is synthesized, and errors are reported with their lines. */
  readonly config: string;
  /**
   * The ranges that may send at all, IPv4 and IPv6. There is no default: `['0.0.0.0/0', '::/0']` admits everyone, and says so.
   *
   * Tokens are allowed, such as `parameter.valueAsList` or `Fn.importValue(…)`; a wrong range in one refuses everyone at run time.
   */
  readonly sourceCidrs: readonly string[];
  /**
   * Names of environment variables that postern.yaml takes secrets from (`env:NAME`), and their values. They are in the template,
   * so everyone who may read it can read them.
   *
   * @default - none; secrets are in Secrets Manager
   */
  readonly environment?: Readonly<Record<string, string>>;
  /** Keys of your own that encrypt the secrets which postern.yaml names. @default - none; keys of AWS need no permission */
  readonly secretKeys?: readonly IKey[];
  /** The layer with the tunnel; of the same architecture. @default - one is made, unless no service of the configuration is in a tailnet */
  readonly layer?: TailnetLayer;
  /** Memory of the forwarder, which is its share of a CPU too. @default - 256 MB */
  readonly memorySize?: number;
  /** Architecture of the functions. @default - arm64 */
  readonly architecture?: Architecture;
  /** How many requests the API takes before it answers 429. @default - 100 a second, bursts of 200 */
  readonly throttle?: ThrottleSettings;
  /**
   * How many sandboxes of the forwarder may run at once, each a node of the tailnet; requests beyond that get 503.
   *
   * @default - as many as the account allows: a reservation fails in an account whose limit leaves less than 100 for its other
   * functions, as every new account's does (docs/operations.md, Concurrency)
   */
  readonly reservedConcurrentExecutions?: number;
  /** How long API Gateway remembers the authorizer's decision on an address, an hour at most. @default - 5 minutes; with `authorizerPolicy` it remembers nothing */
  readonly authorizerCacheTtl?: Duration;
  /**
   * Whether the authorizer also runs the plugins that need no body, such as `authorize` on headers. Then refused requests
   * never reach the forwarder, and each request asks the authorizer.
   *
   * @default - no: the authorizer decides on the address, the forwarder on everything
   */
  readonly authorizerPolicy?: boolean;
  /** A name of your own, with its certificate. The address that AWS gives is then closed. @default - the address that AWS gives */
  readonly domainName?: string;
  /** The certificate of `domainName`, in the same region. @default - none */
  readonly certificate?: ICertificate;
  /** The zone that gets the alias records of `domainName`. @default - none: point the name at `domain` yourself */
  readonly hostedZone?: IHostedZone;
  /** Clients must show a certificate of one of these authorities; needs `domainName`. @default - they need not */
  readonly mutualTls?: MTLSConfig;
  /**
   * The secret of `EdgeDistribution.makeSecret`: then the API answers only requests that came through the edge, and takes the
   * client's address from it.
   *
   * @default - none: the API answers everyone whom `sourceCidrs` admits
   */
  readonly edgeSecret?: ISecret;
  /** Where the API writes its access log. @default - its own log group below /aws/vendedlogs/, deleted with the stack */
  readonly accessLogGroup?: ILogGroup;
  /** How long access logs and the functions' logs are kept. @default - three months */
  readonly logRetention?: RetentionDays;
  /** Traces by X-Ray. @default - none */
  readonly tracing?: boolean;
}

/** The longest time that API Gateway remembers a decision. */
const longestCacheSeconds = 3600;

/** @throws InvalidProps for the first wrong or contradictory property, before anything is made */
export function checkGatewayProps(props: WebhookGatewayProps): void {
  checkSourceCidrs(props.sourceCidrs);
  checkDomain(props);
  checkCache(props);
  checkConcurrency(props);
  const taken = Object.keys(props.environment ?? {}).filter((name) => Object.hasOwn(variables, name));
  if (taken.length > 0) {
    throw wrong(
      `environment sets ${taken.join(', ')}, which the construct sets itself; use the property for it`,
    );
  }
}

function checkDomain({
  domainName,
  certificate,
  mutualTls,
  hostedZone,
  edgeSecret,
}: WebhookGatewayProps): void {
  if (mutualTls !== undefined && edgeSecret !== undefined) {
    throw wrong(
      'mutualTls and edgeSecret are both given; client certificates end at CloudFront, so choose one of the two',
    );
  }
  if ((domainName === undefined) !== (certificate === undefined)) {
    const [given, missing] =
      domainName === undefined ? ['certificate', 'domainName'] : ['domainName', 'certificate'];
    throw wrong(`${given} is given without ${missing}; a domain takes both`);
  }
  if (mutualTls !== undefined && domainName === undefined) {
    throw wrong(
      'mutualTls is given without domainName; API Gateway asks for client certificates only on your own domain',
    );
  }
  if (hostedZone !== undefined && domainName === undefined) {
    throw wrong('hostedZone is given without domainName; give the name that its records are for');
  }
}

function checkCache({ authorizerCacheTtl, authorizerPolicy = false }: WebhookGatewayProps): void {
  if (authorizerCacheTtl === undefined || Token.isUnresolved(authorizerCacheTtl)) return;
  const seconds = authorizerCacheTtl.toSeconds({ integral: false });
  if (authorizerPolicy && seconds > 0) {
    throw wrong(
      `authorizerCacheTtl is ${seconds} seconds and authorizerPolicy is true; plugins look at more than the address, by which decisions are remembered, so leave authorizerCacheTtl out`,
    );
  }
  if (!Number.isInteger(seconds) || seconds > longestCacheSeconds) {
    throw wrong(
      `authorizerCacheTtl is ${seconds} seconds; give whole seconds from 0 to ${longestCacheSeconds}`,
    );
  }
}

function checkConcurrency({ reservedConcurrentExecutions: sandboxes }: WebhookGatewayProps): void {
  if (sandboxes === undefined || Token.isUnresolved(sandboxes)) return;
  if (!Number.isInteger(sandboxes) || sandboxes < 1) {
    throw wrong(
      `reservedConcurrentExecutions is ${JSON.stringify(sandboxes)}; give a whole number of sandboxes, 1 or more`,
    );
  }
}

function wrong(problem: string): InvalidProps {
  return new InvalidProps('WebhookGateway', problem);
}
