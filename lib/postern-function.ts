import { type Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { type FunctionName, functionCode } from './assets.ts';

export interface PosternFunctionProps {
  readonly name: FunctionName;
  readonly description: string;
  readonly timeout: Duration;
  /** The path of postern.yaml, put beside the function. */
  readonly config?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly memorySize?: number;
  readonly architecture?: Architecture;
  readonly logRetention?: RetentionDays;
  readonly tracing?: boolean;
  readonly reservedConcurrentExecutions?: number;
}

/** One of Postern's own functions, with its own log and a role that may only write to it. */
export class PosternFunction extends LambdaFunction {
  constructor(scope: Construct, id: string, props: PosternFunctionProps) {
    const {
      name,
      config,
      environment = {},
      memorySize = 256,
      architecture = Architecture.ARM_64,
      logRetention = RetentionDays.THREE_MONTHS,
      tracing = false,
      ...rest
    } = props;
    const logGroup = new LogGroup(scope, `${id}Log`, {
      retention: logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new Role(scope, `${id}Role`, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    logGroup.grantWrite(role);
    super(scope, id, {
      ...rest,
      code: functionCode(scope, name, config),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture,
      memorySize,
      role,
      logGroup,
      // The functions write JSON lines themselves; Lambda would wrap each into another object.
      loggingFormat: LoggingFormat.TEXT,
      environment: { ...environment },
      tracing: tracing ? Tracing.ACTIVE : Tracing.DISABLED,
    });
    if (tracing) {
      Validations.of(role).acknowledge({
        id: 'AwsSolutions-IAM5[Resource::*]',
        reason: 'X-Ray has no resources: a role that may write traces may write any',
      });
    }
  }
}
