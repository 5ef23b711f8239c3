import { ArnFormat, CfnOutput, Names, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { CfnLoggingConfiguration, CfnWebACL } from 'aws-cdk-lib/aws-wafv2';
import { Construct } from 'constructs';
import { InvalidProps } from './problem.ts';

export interface EdgeFirewallProps {
  /**
   * How many requests one address may send in five minutes before it is blocked, until it sends fewer.
   *
   * @default 6000
   */
  readonly requestsPerAddress?: number;
  /**
   * Whether the common rules look into bodies too. They block a body above 8 KB, and texts that look like an attack, such as markup
   * in a comment that a webhook reports; so they fit applications more than webhooks.
   *
   * @default - no: those rules count and do not block
   */
  readonly inspectBodies?: boolean;
  /**
   * How long the log of blocked requests is kept.
   *
   * @default - three months
   */
  readonly logRetention?: RetentionDays;
}

/** AWS WAF guards CloudFront from this region only. */
export const edgeRegion = 'us-east-1';

/** The common rules that look into bodies: https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html */
const bodyRules = [
  'SizeRestrictions_BODY',
  'EC2MetaDataSSRF_BODY',
  'GenericLFI_BODY',
  'GenericRFI_BODY',
  'CrossSiteScripting_BODY',
];
/** Parts of a request that hold credentials: they are not logged. */
const redactedHeaders = ['authorization', 'cookie', 'x-api-key', 'x-gitlab-token'];

/**
 * AWS WAF for `EdgeDistribution`: a limit for each address, then AWS's rules for bad addresses, for known bad inputs, and its
 * common ones. Its stack is in us-east-1, also if the gateway is elsewhere.
 */
export class EdgeFirewall extends Construct {
  readonly webAclArn: string;
  /** Requests that were blocked, without query, cookies and credentials. */
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: EdgeFirewallProps = {}) {
    super(scope, id);
    const { requestsPerAddress = 6000, inspectBodies = false, logRetention } = props;
    checkRegion(Stack.of(this).region);
    checkRate(requestsPerAddress);
    const webAcl = new CfnWebACL(this, 'WebAcl', {
      scope: 'CLOUDFRONT',
      description: 'Guards the edge of Postern',
      defaultAction: { allow: {} },
      visibilityConfig: visible('PosternEdge'),
      rules: [
        {
          name: 'Rate',
          priority: 0,
          action: { block: {} },
          statement: {
            rateBasedStatement: {
              limit: requestsPerAddress,
              aggregateKeyType: 'IP',
              evaluationWindowSec: 300,
            },
          },
          visibilityConfig: visible('Rate'),
        },
        managed(1, 'AWSManagedRulesAmazonIpReputationList'),
        managed(2, 'AWSManagedRulesKnownBadInputsRuleSet'),
        managed(3, 'AWSManagedRulesCommonRuleSet', inspectBodies ? [] : bodyRules),
      ],
    });
    this.webAclArn = webAcl.attrArn;
    this.logGroup = this.#log(webAcl, logRetention ?? RetentionDays.THREE_MONTHS);
  }

  #log(webAcl: CfnWebACL, retention: RetentionDays): LogGroup {
    // AWS WAF accepts only log groups whose name begins like this.
    const logGroupName = `aws-waf-logs-${Names.uniqueResourceName(this, { maxLength: 100 })}`;
    const logGroup = new LogGroup(this, 'Log', {
      logGroupName,
      retention,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const destination = Stack.of(this).formatArn({
      service: 'logs',
      resource: 'log-group',
      resourceName: logGroupName,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    const logging = new CfnLoggingConfiguration(this, 'Logging', {
      resourceArn: webAcl.attrArn,
      logDestinationConfigs: [destination],
      loggingFilter: {
        DefaultBehavior: 'DROP',
        Filters: [
          {
            Behavior: 'KEEP',
            Requirement: 'MEETS_ANY',
            Conditions: [{ ActionCondition: { Action: 'BLOCK' } }],
          },
        ],
      },
      redactedFields: [{ queryString: {} }, ...redactedHeaders.map((Name) => ({ singleHeader: { Name } }))],
    });
    logging.node.addDependency(logGroup);
    return logGroup;
  }
}

/** The firewall by itself, for a gateway in another region: `npx cdk deploy EdgeFirewallStack` gives the ARN for `EdgeDistribution`. */
export class EdgeFirewallStack extends Stack {
  readonly firewall: EdgeFirewall;

  constructor(scope: Construct, id: string, props: StackProps & EdgeFirewallProps = {}) {
    super(scope, id, {
      description: 'Postern: AWS WAF for the edge, which CloudFront takes only from us-east-1',
      ...props,
      env: { ...props.env, region: edgeRegion },
    });
    this.firewall = new EdgeFirewall(this, 'Firewall', props);
    new CfnOutput(this, 'WebAclArn', {
      value: this.firewall.webAclArn,
      description: 'What EdgeDistribution takes as webAclArn',
    });
  }
}

function managed(priority: number, name: string, counted: readonly string[] = []): CfnWebACL.RuleProperty {
  return {
    name,
    priority,
    overrideAction: { none: {} },
    statement: {
      managedRuleGroupStatement: {
        vendorName: 'AWS',
        name,
        ...(counted.length > 0 && {
          ruleActionOverrides: counted.map((rule) => ({ name: rule, actionToUse: { count: {} } })),
        }),
      },
    },
    visibilityConfig: visible(name),
  };
}

/** Without samples: AWS keeps them for three hours, with their queries and cookies. */
function visible(metricName: string): CfnWebACL.VisibilityConfigProperty {
  return { metricName, cloudWatchMetricsEnabled: true, sampledRequestsEnabled: false };
}

function checkRegion(region: string): void {
  if (region === edgeRegion) return;
  throw new InvalidProps(
    'EdgeFirewall',
    `its stack is ${region.startsWith('${') ? 'in no certain region' : `in ${region}`}, and CloudFront takes a firewall only from ${edgeRegion}; give the stack env: { region: '${edgeRegion}' }, or use EdgeFirewallStack`,
  );
}

function checkRate(requests: number): void {
  if (Number.isInteger(requests) && requests >= 10 && requests <= 2_000_000_000) return;
  throw new InvalidProps(
    'EdgeFirewall',
    `requestsPerAddress is ${requests}; AWS WAF counts from 10 to 2,000,000,000 in five minutes`,
  );
}
