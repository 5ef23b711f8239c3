import { CfnParameter, Duration, Fn, Stack, type StackProps } from 'aws-cdk-lib';
import * as codepipeline from 'aws-cdk-lib/aws-codepipeline';
import * as actions from 'aws-cdk-lib/aws-codepipeline-actions';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import {
  type ArtifactStore,
  acknowledgeObjects,
  artifactStatements,
  makeArtifactStore,
} from './pipeline/artifacts.ts';
import { BuildStep } from './pipeline/build-step.ts';
import {
  type PipelineChoices,
  patterns,
  type ReadPipelineChoices,
  readPipelineChoices,
} from './pipeline/choices.ts';
import { deploySpec, destroySpec, verifySpec } from './pipeline/commands.ts';

/** Every property is optional; the others are read from the context under `postern:pipeline`, or have a default. */
export interface PipelineStackProps extends StackProps, PipelineChoices {
  /**
   * Who is notified that an approval is due.
   *
   * @default - nobody; the approval waits in the console
   */
  readonly approvalTopic?: sns.ITopic;
}

/**
 * Tests and deploys each commit of a branch: source → verify → deploy → approve → destroy the demo.
 *
 * The tests cannot deploy. The deployment runs what was tested, with the roles that `cdk bootstrap`
 * made, in this account and region. An approval ends the cost of the demo (NAT gateway, instance); the next commit
 * deploys it again. Without an approval for seven days the demo stays.
 */
export class PipelineStack extends Stack {
  readonly pipeline: codepipeline.Pipeline;

  constructor(scope: Construct, id: string, props: PipelineStackProps = {}) {
    super(scope, id, { description: 'Tests and deploys Postern from a repository', ...props });
    const choices = readPipelineChoices(this.node.tryGetContext('postern:pipeline'), props);
    const store = makeArtifactStore(this);
    const role = this.makeRole(store);
    this.pipeline = this.makePipeline(store, role);

    const connectionArn = choices.connectionArn ?? this.parameter('ConnectionArn', patterns.connectionArn);
    const source = new codepipeline.Artifact('Source');
    const assembly = new codepipeline.Artifact('Assembly');
    this.pipeline.addStage({
      stageName: 'Source',
      actions: [this.readSource(choices, connectionArn, source)],
    });
    const verify = new BuildStep(this, 'Verify', {
      store,
      spec: verifySpec(choices.synth),
      timeout: Duration.minutes(60),
      artifacts: 'write',
      mayAssume: [],
    });
    this.pipeline.addStage({
      stageName: 'Verify',
      actions: [verify.action({ input: source, output: assembly, runOrder: 1 })],
    });
    const deploy = new BuildStep(this, 'Deploy', {
      store,
      spec: deploySpec([...choices.stacks, choices.demoStack]),
      timeout: Duration.minutes(60),
      artifacts: 'read',
      mayAssume: ['deploy', 'file-publishing'],
    });
    this.pipeline.addStage({
      stageName: 'Deploy',
      actions: [deploy.action({ input: assembly, runOrder: 1 })],
    });
    const destroy = new BuildStep(this, 'DestroyDemo', {
      store,
      spec: destroySpec(choices.demoStack),
      timeout: Duration.minutes(30),
      artifacts: 'read',
      mayAssume: ['deploy'],
    });
    this.pipeline.addStage({
      stageName: 'EndDemo',
      actions: [
        this.waitForApproval(choices.demoStack, props.approvalTopic),
        destroy.action({ input: assembly, runOrder: 2 }),
      ],
    });

    const projects = [verify, deploy, destroy].map((step) => step.project.projectArn);
    allow(role, ['codebuild:BatchGetBuilds', 'codebuild:StartBuild', 'codebuild:StopBuild'], projects);
    // New connections have the service's new name in their ARN, older ones the old name; the permission follows it.
    allow(role, ['codeconnections:UseConnection', 'codestar-connections:UseConnection'], [connectionArn]);
    if (props.approvalTopic !== undefined) allow(role, ['sns:Publish'], [props.approvalTopic.topicArn]);
  }

  private makeRole(store: ArtifactStore): iam.Role {
    const role = new iam.Role(this, 'PipelineRole', {
      assumedBy: new iam.ServicePrincipal('codepipeline.amazonaws.com'),
    });
    for (const statement of artifactStatements(store, 'write')) role.addToPolicy(statement);
    acknowledgeObjects(role, store);
    return role;
  }

  private makePipeline(store: ArtifactStore, role: iam.Role): codepipeline.Pipeline {
    return new codepipeline.Pipeline(this, 'Pipeline', {
      pipelineType: codepipeline.PipelineType.V2,
      // Two deployments never overlap, and a newer commit replaces one that waits.
      executionMode: codepipeline.ExecutionMode.SUPERSEDED,
      artifactBucket: store.bucket,
      // Immutable, because the library would add statements with wildcards.
      role: role.withoutPolicyUpdates(),
      usePipelineRoleForActions: true,
    });
  }

  private readSource(
    choices: ReadPipelineChoices,
    connectionArn: string,
    output: codepipeline.Artifact,
  ): actions.CodeStarConnectionsSourceAction {
    const repository = choices.repository ?? this.parameter('Repository', patterns.repository);
    const parts = Fn.split('/', repository);
    return new actions.CodeStarConnectionsSourceAction({
      actionName: 'Source',
      connectionArn,
      owner: Fn.select(0, parts),
      repo: Fn.select(1, parts),
      branch: choices.branch,
      output,
    });
  }

  private waitForApproval(demoStack: string, topic: sns.ITopic | undefined): actions.ManualApprovalAction {
    return new actions.ManualApprovalAction({
      actionName: 'Approve',
      runOrder: 1,
      timeout: Duration.days(7),
      additionalInformation: `Approving destroys ${demoStack} (NAT gateway and instance). The next commit deploys it again.`,
      ...(topic === undefined ? {} : { notificationTopic: topic }),
    });
  }

  private parameter(id: string, allowedPattern: string): string {
    return new CfnParameter(this, id, { type: 'String', allowedPattern }).valueAsString;
  }
}

function allow(role: iam.Role, names: readonly string[], resources: readonly string[]): void {
  role.addToPolicy(new iam.PolicyStatement({ actions: [...names], resources: [...resources] }));
}
