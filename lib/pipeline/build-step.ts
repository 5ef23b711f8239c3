import { type Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as codebuild from 'aws-cdk-lib/aws-codebuild';
import type * as codepipeline from 'aws-cdk-lib/aws-codepipeline';
import * as actions from 'aws-cdk-lib/aws-codepipeline-actions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { type ArtifactStore, acknowledgeObjects, artifactStatements } from './artifacts.ts';
import type { Buildspec } from './commands.ts';

export interface BuildStepProps {
  readonly store: ArtifactStore;
  readonly spec: Buildspec;
  /** Whether the build makes artifacts, or only reads them. */
  readonly artifacts: 'read' | 'write';
  readonly timeout: Duration;
  /** The roles of `cdk bootstrap` that the build may assume. It can change nothing else in the account. */
  readonly mayAssume: readonly ('deploy' | 'file-publishing')[];
}

/** One CodeBuild project with its own role and log. */
export class BuildStep extends Construct {
  readonly project: codebuild.PipelineProject;

  constructor(scope: Construct, id: string, props: BuildStepProps) {
    super(scope, id);
    const log = new logs.LogGroup(this, 'Log', {
      retention: logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = this.makeRole(props, log);
    this.project = new codebuild.PipelineProject(this, 'Project', {
      buildSpec: codebuild.BuildSpec.fromObject(props.spec as unknown as Record<string, unknown>),
      environment: {
        buildImage: codebuild.LinuxArmBuildImage.AMAZON_LINUX_2023_STANDARD_3_0,
        computeType: codebuild.ComputeType.SMALL,
      },
      encryptionKey: props.store.key,
      // Immutable, because the library would add statements with wildcards.
      role: role.withoutPolicyUpdates(),
      logging: { cloudWatch: { logGroup: log } },
      timeout: props.timeout,
    });
  }

  action(options: {
    readonly input: codepipeline.Artifact;
    readonly output?: codepipeline.Artifact;
    readonly runOrder: number;
  }): actions.CodeBuildAction {
    return new actions.CodeBuildAction({
      actionName: this.node.id,
      project: this.project,
      input: options.input,
      outputs: options.output === undefined ? [] : [options.output],
      runOrder: options.runOrder,
    });
  }

  private makeRole(props: BuildStepProps, log: logs.LogGroup): iam.Role {
    const role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('codebuild.amazonaws.com'),
    });
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        resources: [log.logGroupArn],
      }),
    );
    for (const statement of artifactStatements(props.store, props.artifacts)) role.addToPolicy(statement);
    if (props.mayAssume.length > 0) {
      role.addToPolicy(
        new iam.PolicyStatement({
          sid: 'DeployThroughTheBootstrap',
          actions: ['sts:AssumeRole'],
          resources: props.mayAssume.map((name) => this.bootstrapRole(name)),
        }),
      );
    }
    acknowledgeObjects(role, props.store);
    return role;
  }

  /** By its full name: a pattern such as cdk-* would match roles that others make. */
  private bootstrapRole(name: string): string {
    const stack = Stack.of(this);
    const qualifier = this.node.tryGetContext('@aws-cdk/core:bootstrapQualifier') ?? 'hnb659fds';
    return stack.formatArn({
      service: 'iam',
      region: '',
      resource: 'role',
      resourceName: `cdk-${qualifier}-${name}-role-${stack.account}-${stack.region}`,
    });
  }
}
