import { Duration, Fn, RemovalPolicy, SecretValue, Stack, Token, Validations } from 'aws-cdk-lib';
import type { ICertificate } from 'aws-cdk-lib/aws-certificatemanager';
import {
  AllowedMethods,
  CachePolicy,
  Distribution,
  HttpVersion,
  OriginProtocolPolicy,
  OriginRequestPolicy,
  OriginSslPolicy,
  SecurityPolicyProtocol,
  SSLMethod,
  ViewerProtocolPolicy,
} from 'aws-cdk-lib/aws-cloudfront';
import { HttpOrigin } from 'aws-cdk-lib/aws-cloudfront-origins';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { AaaaRecord, ARecord, type IHostedZone, RecordTarget } from 'aws-cdk-lib/aws-route53';
import { CloudFrontTarget } from 'aws-cdk-lib/aws-route53-targets';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type IBucket,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { edgeHeaders } from '../functions/edge-headers.ts';
import { EdgeFirewall, edgeRegion } from './edge-firewall.ts';
import { InvalidProps } from './problem.ts';
import type { WebhookGateway } from './webhook-gateway.ts';

export interface EdgeDistributionProps {
  /** The gateway behind it, made with an `edgeSecret`. */
  readonly gateway: WebhookGateway;
  /** The name that clients send to. */
  readonly domainName: string;
  /** The certificate of `domainName`, in us-east-1: CloudFront takes certificates only from there. */
  readonly certificate: ICertificate;
  /**
   * The firewall in front: `EdgeFirewall.webAclArn`, or the output of `EdgeFirewallStack`.
   *
   * @default - one is made if the stack is in us-east-1; in other regions it must be given
   */
  readonly webAclArn?: string;
  /**
   * The zone that gets the alias records of `domainName`.
   *
   * @default - none: point the name at `distribution.distributionDomainName` yourself
   */
  readonly hostedZone?: IHostedZone;
  /**
   * The version of the secret that CloudFront sends; name a new one to change it (docs/edge.md).
   *
   * @default - the one that was current when the distribution was made
   */
  readonly secretVersionId?: string;
  /**
   * How long CloudFront's access log is kept.
   *
   * @default - 90 days
   */
  readonly logRetention?: Duration;
}

/** By default CloudFront caches these answers of an origin for ten seconds, even if caching is off. */
const rememberedErrors = [400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504];

/**
 * CloudFront and AWS WAF in front of a gateway. Nothing is cached; method, query, headers and body go on to the API, which
 * answers nobody but CloudFront.
 */
export class EdgeDistribution extends Construct {
  readonly distribution: Distribution;
  /** CloudFront's access log. It stays when the stack is deleted, and empties itself. */
  readonly logBucket: Bucket;
  /** The URL for clients, without a slash at the end. */
  readonly url: string;

  constructor(scope: Construct, id: string, props: EdgeDistributionProps) {
    super(scope, id);
    const { gateway, domainName, certificate, hostedZone } = props;
    const { edgeSecret } = gateway;
    if (edgeSecret === undefined) {
      throw new InvalidProps(
        'EdgeDistribution',
        "the gateway has no edgeSecret, so it would answer everyone who bypasses CloudFront; give it edgeSecret: EdgeDistribution.makeSecret(stack, 'EdgeSecret')",
      );
    }
    this.url = `https://${domainName}`;
    if (this.url === gateway.url) {
      throw new InvalidProps(
        'EdgeDistribution',
        `domainName is ${domainName}, which is also the gateway's own name, so CloudFront would ask itself; give the gateway another name, or no name`,
      );
    }
    this.logBucket = this.#makeLogBucket(props.logRetention ?? Duration.days(90));
    this.distribution = new Distribution(this, 'Distribution', {
      comment: 'The edge of Postern',
      domainNames: [domainName],
      certificate,
      minimumProtocolVersion: SecurityPolicyProtocol.TLS_V1_2_2021,
      sslSupportMethod: SSLMethod.SNI,
      httpVersion: HttpVersion.HTTP2_AND_3,
      webAclId: this.#firewall(props.webAclArn),
      enableLogging: true,
      logBucket: this.logBucket as IBucket,
      errorResponses: rememberedErrors.map((httpStatus) => ({ httpStatus, ttl: Duration.seconds(0) })),
      defaultBehavior: {
        origin: this.#origin(gateway, edgeSecret, props),
        allowedMethods: AllowedMethods.ALLOW_ALL,
        cachePolicy: CachePolicy.CACHING_DISABLED,
        originRequestPolicy: OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
        // No redirect: the request has been sent unencrypted already.
        viewerProtocolPolicy: ViewerProtocolPolicy.HTTPS_ONLY,
        compress: false,
      },
    });
    Validations.of(this.distribution).acknowledge({
      id: 'AwsSolutions-CFR1',
      reason: 'Webhooks come from where their senders are; sourceCidrs says which addresses may send',
    });
    if (hostedZone !== undefined) this.#makeRecords(hostedZone, domainName);
  }

  /**
   * Makes the secret that proves to the gateway that a request came through the edge: 64 letters and digits, generated by AWS.
   *
   * Give it to the gateway as `edgeSecret`; the distribution takes it from there.
   */
  static makeSecret(scope: Construct, id: string, props: { readonly encryptionKey?: IKey } = {}): ISecret {
    const secret = new Secret(scope, id, {
      description: 'What CloudFront shows to the API of Postern, which answers nothing without it',
      generateSecretString: { passwordLength: 64, excludePunctuation: true },
      ...props,
    });
    Validations.of(secret).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason: 'CloudFront learns a new value only by a deployment, so it is changed by hand (docs/edge.md)',
    });
    return secret as ISecret;
  }

  #origin(
    gateway: WebhookGateway,
    edgeSecret: ISecret,
    { domainName, secretVersionId }: EdgeDistributionProps,
  ): HttpOrigin {
    // A dynamic reference: CloudFormation resolves it, and the value is not in a template.
    const value = SecretValue.secretsManager(edgeSecret.secretArn, {
      ...(secretVersionId !== undefined && { versionId: secretVersionId }),
    });
    return new HttpOrigin(Fn.select(2, Fn.split('/', gateway.url)), {
      protocolPolicy: OriginProtocolPolicy.HTTPS_ONLY,
      originSslProtocols: [OriginSslPolicy.TLS_V1_2],
      // API Gateway answers within 30 s.
      readTimeout: Duration.seconds(35),
      // CloudFront replaces what a client sends by these names.
      customHeaders: { [edgeHeaders.secret]: value.unsafeUnwrap(), [edgeHeaders.host]: domainName },
    });
  }

  #firewall(webAclArn: string | undefined): string {
    if (webAclArn === undefined) {
      const { region } = Stack.of(this);
      if (region === edgeRegion) return new EdgeFirewall(this, 'Firewall').webAclArn;
      throw new InvalidProps(
        'EdgeDistribution',
        `webAclArn is not given, and a firewall can be made only in ${edgeRegion}; deploy EdgeFirewallStack and give the ARN that it outputs`,
      );
    }
    if (!Token.isUnresolved(webAclArn) && !globalWebAcl.test(webAclArn)) {
      throw new InvalidProps(
        'EdgeDistribution',
        `webAclArn is ${JSON.stringify(webAclArn)}; give one of scope CLOUDFRONT, such as arn:aws:wafv2:${edgeRegion}:123456789012:global/webacl/NAME/ID`,
      );
    }
    return webAclArn;
  }

  #makeLogBucket(expiration: Duration): Bucket {
    const bucket = new Bucket(this, 'Log', {
      // CloudFront writes its log by an access control list.
      objectOwnership: ObjectOwnership.OBJECT_WRITER,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      lifecycleRules: [{ expiration, abortIncompleteMultipartUploadAfter: Duration.days(1) }],
      // A bucket that is not empty cannot be deleted with its stack.
      removalPolicy: RemovalPolicy.RETAIN,
    });
    Validations.of(bucket).acknowledge({
      id: 'AwsSolutions-S1',
      reason: 'It is the log; a log of the log would need one too',
    });
    return bucket;
  }

  #makeRecords(zone: IHostedZone, recordName: string): void {
    const target = RecordTarget.fromAlias(new CloudFrontTarget(this.distribution));
    new ARecord(this, 'Alias', { zone, recordName, target });
    new AaaaRecord(this, 'AliasIpv6', { zone, recordName, target });
  }
}

const globalWebAcl = /^arn:aws[a-z-]*:wafv2:us-east-1:[0-9]{12}:global\/webacl\/[^/]+\/[^/]+$/;
