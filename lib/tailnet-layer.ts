import { Annotations, Token, Validations } from 'aws-cdk-lib';
import { Policy, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  type Function as LambdaFunction,
  LayerVersion,
  Runtime,
  RuntimeFamily,
} from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { layerCode } from './assets.ts';
import { allowKey } from './key-use.ts';
import { InvalidProps } from './problem.ts';
import { type TailnetIdentityOptions, type TailnetOptions, tailnetEnvironment } from './tailnet-options.ts';

export interface TailnetLayerProps {
  /**
   * The architecture of the functions that use it.
   *
   * @default - arm64
   */
  readonly architecture?: Architecture;
  /**
   * Whether it includes Node, for functions with other runtimes.
   *
   * @default - no: the extension runs with the function's own Node
   */
  readonly ownNode?: boolean;
}

const leastMemoryMb = 256;
const leastNode = 22;
/** The lifetime of the identity token that the extension asks for. */
const tokenSeconds = 300;

/** The Lambda layer that brings a function into a tailnet: userspace tailscaled and the extension that owns it. */
export class TailnetLayer extends Construct {
  readonly version: LayerVersion;
  readonly architecture: Architecture;
  readonly #ownNode: boolean;

  constructor(scope: Construct, id: string, props: TailnetLayerProps = {}) {
    super(scope, id);
    const { architecture = Architecture.ARM_64, ownNode = false } = props;
    this.architecture = architecture;
    this.#ownNode = ownNode;
    const name = architecture.name === Architecture.ARM_64.name ? 'arm64' : 'x86_64';
    this.version = new LayerVersion(this, 'Version', {
      description: 'Postern: userspace tailscaled and its extension',
      code: layerCode(this, ownNode ? `${name}-own-node` : name),
      compatibleArchitectures: [architecture],
      ...(!ownNode && { compatibleRuntimes: [Runtime.NODEJS_22_X, Runtime.NODEJS_24_X] }),
      license: 'Apache-2.0',
    });
  }

  /** Adds the layer, the environment and the permission to read the key to any function. */
  attachTo(fn: LambdaFunction, options: TailnetOptions): void {
    this.#check(fn);
    const environment = tailnetEnvironment(options);
    const { key, secret, identity } = options;
    fn.addLayers(this.version);
    for (const [name, value] of Object.entries(environment)) fn.addEnvironment(name, value);
    key?.grantRead(fn);
    secret?.grantRead(fn);
    if (secret?.encryptionKey !== undefined) allowKey(fn, secret.encryptionKey, 'secretsmanager', 'read');
    if (identity !== undefined) this.#allowIdentity(fn, identity);
  }

  /** In a separate policy, so that the acknowledgement here does not cover anything else of the function's role. */
  #allowIdentity(fn: LambdaFunction, { audience }: TailnetIdentityOptions): void {
    const policy = new Policy(fn, 'TailnetIdentity', {
      roles: fn.role === undefined ? [] : [fn.role],
      statements: [
        new PolicyStatement({
          actions: ['sts:GetWebIdentityToken'],
          resources: ['*'],
          conditions: {
            'ForAllValues:StringEquals': { 'sts:IdentityTokenAudience': [audience] },
            // The condition above is also true for a request without any audience.
            Null: { 'sts:IdentityTokenAudience': 'false' },
            NumericLessThanEquals: { 'sts:DurationSeconds': tokenSeconds },
          },
        }),
      ],
    });
    Validations.of(policy).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'sts:GetWebIdentityToken knows no resources; its condition allows tokens for one audience',
    });
  }

  #check(fn: LambdaFunction): void {
    if (fn.architecture.name !== this.architecture.name) {
      throw new InvalidProps(
        'TailnetLayer',
        `it is for ${this.architecture.name} and ${fn.node.path} is ${fn.architecture.name}; make the layer with that architecture`,
      );
    }
    if (!this.#ownNode && !hasNode(fn.runtime)) {
      throw new InvalidProps(
        'TailnetLayer',
        `${fn.node.path} runs ${fn.runtime.name}, which has no Node ${leastNode} or newer for the extension; make the layer with ownNode: true`,
      );
    }
    const memory = (fn.node.defaultChild as { memorySize?: number } | undefined)?.memorySize ?? 128;
    if (!Token.isUnresolved(memory) && memory < leastMemoryMb) {
      Annotations.of(fn).addWarningV2(
        'postern:memory',
        `${memory} MB is little for a function beside the tunnel, which takes about 100 MB itself; give it ${leastMemoryMb} MB or more`,
      );
    }
  }
}

function hasNode({ family, name }: Runtime): boolean {
  const version = Number(/^nodejs(\d+)/.exec(name)?.[1]);
  // A runtime without a version, such as a custom one with Node, is not checked.
  return family === RuntimeFamily.NODEJS && !(version < leastNode);
}
