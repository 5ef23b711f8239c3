import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { EdgeFirewall, type EdgeFirewallProps, EdgeFirewallStack } from '../../lib/edge-firewall.ts';
import { InvalidProps } from '../../lib/problem.ts';
import { solutionsFindings } from './aws-solutions.ts';
import { propertiesOf, unbuilt } from './template.ts';

interface Rule {
  readonly Name: string;
  readonly Priority: number;
  readonly Action?: object;
  readonly OverrideAction?: object;
  readonly Statement: {
    readonly RateBasedStatement?: object;
    readonly ManagedRuleGroupStatement?: {
      readonly Name: string;
      readonly RuleActionOverrides?: readonly { readonly Name: string; readonly ActionToUse: object }[];
    };
  };
  readonly VisibilityConfig: { readonly SampledRequestsEnabled: boolean };
}

function firewallTemplate(props: EdgeFirewallProps = {}): Template {
  return Template.fromStack(new EdgeFirewallStack(unbuilt(), 'Firewall', props));
}

function rulesOf(from: Template): readonly Rule[] {
  return propertiesOf(from, 'AWS::WAFv2::WebACL').Rules as readonly Rule[];
}

const firewall = firewallTemplate();

test('the firewall limits each address and blocks by three groups of AWS, in this order', () => {
  const { Scope, DefaultAction } = propertiesOf(firewall, 'AWS::WAFv2::WebACL');
  assert.deepEqual([Scope, DefaultAction], ['CLOUDFRONT', { Allow: {} }]);
  assert.deepEqual(
    rulesOf(firewall).map(({ Name, Priority, Action, OverrideAction }) => [
      Priority,
      Name,
      Action ?? OverrideAction,
    ]),
    [
      [0, 'Rate', { Block: {} }],
      [1, 'AWSManagedRulesAmazonIpReputationList', { None: {} }],
      [2, 'AWSManagedRulesKnownBadInputsRuleSet', { None: {} }],
      [3, 'AWSManagedRulesCommonRuleSet', { None: {} }],
    ],
  );
  const limited = rulesOf(firewallTemplate({ requestsPerAddress: 500 }))[0]?.Statement.RateBasedStatement;
  assert.deepEqual(limited, { Limit: 500, AggregateKeyType: 'IP', EvaluationWindowSec: 300 });
});

test('of the common rules those on bodies count and do not block, unless it is asked for', () => {
  const overrides = (from: Template) =>
    rulesOf(from)[3]?.Statement.ManagedRuleGroupStatement?.RuleActionOverrides;
  assert.deepEqual(
    overrides(firewall)?.map(({ Name, ActionToUse }) => [Name, ActionToUse]),
    [
      'SizeRestrictions_BODY',
      'EC2MetaDataSSRF_BODY',
      'GenericLFI_BODY',
      'GenericRFI_BODY',
      'CrossSiteScripting_BODY',
    ].map((name) => [name, { Count: {} }]),
  );
  assert.equal(overrides(firewallTemplate({ inspectBodies: true })), undefined);
});

test('blocked requests alone are logged, without query, cookies and credentials, and none is sampled', () => {
  const { LoggingFilter, RedactedFields } = propertiesOf(firewall, 'AWS::WAFv2::LoggingConfiguration');
  assert.deepEqual(LoggingFilter, {
    DefaultBehavior: 'DROP',
    Filters: [
      {
        Behavior: 'KEEP',
        Requirement: 'MEETS_ANY',
        Conditions: [{ ActionCondition: { Action: 'BLOCK' } }],
      },
    ],
  });
  assert.deepEqual(RedactedFields, [
    { QueryString: {} },
    ...['authorization', 'cookie', 'x-api-key', 'x-gitlab-token'].map((Name) => ({ SingleHeader: { Name } })),
  ]);
  const { LogGroupName, RetentionInDays } = propertiesOf(firewall, 'AWS::Logs::LogGroup');
  assert.match(String(LogGroupName), /^aws-waf-logs-/);
  assert.equal(RetentionInDays, 90);
  assert.ok(rulesOf(firewall).every((rule) => !rule.VisibilityConfig.SampledRequestsEnabled));
});

const wrong: readonly [name: string, make: (app: App) => unknown, message: RegExp][] = [
  [
    'a firewall in another region',
    (app) => new EdgeFirewall(new Stack(app, 'Test', { env: { region: 'eu-west-1' } }), 'Firewall'),
    /^EdgeFirewall: its stack is in eu-west-1, .*env: \{ region: 'us-east-1' \}/,
  ],
  [
    'a firewall in a stack whose region nobody knows',
    (app) => new EdgeFirewall(new Stack(app, 'Test'), 'Firewall'),
    /^EdgeFirewall: its stack is in no certain region/,
  ],
  [
    'a rate that AWS WAF does not count',
    (app) => new EdgeFirewallStack(app, 'Test', { requestsPerAddress: 9 }),
    /^EdgeFirewall: requestsPerAddress is 9; AWS WAF counts from 10/,
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

test("AWS's own rules (cdk-nag, AwsSolutions) find nothing in it", () => {
  assert.deepEqual(
    solutionsFindings((app) => new EdgeFirewallStack(app, 'Firewall')),
    [],
  );
});
