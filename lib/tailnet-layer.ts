import { Annotations, type Duration, Token } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  type Function as LambdaFunction,
  LayerVersion,
  Runtime,
  RuntimeFamily,
} from 'aws-cdk-lib/aws-lambda';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import type { VariableName } from '../gateway/environment.ts';
import { layerCode } from './assets.ts';
import { InvalidProps } from './problem.ts';
import type { TailnetKey } from './tailnet-key.ts';

export interface TailnetLayerProps {
  /**
   * The architecture of the functions that it is for.
   *
   * @default - arm64
   */
  readonly architecture?: Architecture;
  /**
   * Whether it brings Node along, for functions of other runtimes than Node's.
   *
   * @default - no: the extension runs with the function's own Node
   */
  readonly ownNode?: boolean;
}

/** A federated identity of Tailscale, by which a role joins without any stored key. */
export interface TailnetIdentityOptions {
  /** Its client id. */
  readonly clientId: string;
  /** The audience that it expects in the role's identity token. */
  readonly audience: string;
}

/** How a function is in the tailnet. Of `key`, `secret` and `identity` exactly one is given. */
export interface TailnetOptions {
  /** The key that is rotated. @default - `secret` or `identity` */
  readonly key?: TailnetKey;
  /** A secret that somebody else keeps: the auth key alone, or JSON with the field `key`. @default - `key` or `identity` */
  readonly secret?: ISecret;
  /** No stored key: the role's own identity. @default - `key` or `secret` */
  readonly identity?: TailnetIdentityOptions;
  /** The control server. @default - the one of the key's issuer, or Tailscale's own */
  readonly controlUrl?: string;
  /** The name of the node. @default - the name of the function */
  readonly hostname?: string;
  /** Tags that the node asks for; with Headscale leave them out. @default - those of the key */
  readonly tags?: readonly string[];
  /** Names or addresses of the peers that the function needs: it is ready when one of them answers. @default - any peer that is online */
  readonly targets?: readonly string[];
  /** The port of SOCKS5 on 127.0.0.1; the next one is the readiness endpoint. @default - 1055 */
  readonly socksPort?: number;
  /** How long joining may take before the function's init fails, 8 s at most. @default - 8 s */
  readonly joinTimeout?: Duration;
}

const leastMemoryMb = 256;

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
      code: layerCode(ownNode ? `${name}-own-node` : name),
      compatibleArchitectures: [architecture],
      ...(!ownNode && { compatibleRuntimes: [Runtime.NODEJS_22_X, Runtime.NODEJS_24_X] }),
      license: 'Apache-2.0',
    });
  }

  /** Adds the layer, the environment and the permission to read the key to any function. */
  attachTo(fn: LambdaFunction, options: TailnetOptions): void {
    this.#check(fn, options);
    const { key, secret, identity } = options;
    fn.addLayers(this.version);
    for (const [name, value] of Object.entries(environmentOf(options))) fn.addEnvironment(name, value);
    key?.grantRead(fn);
    secret?.grantRead(fn);
    if (identity !== undefined) fn.addToRolePolicy(identityStatement(identity));
  }

  #check(fn: LambdaFunction, { key, secret, identity }: TailnetOptions): void {
    const given = Object.entries({ key, secret, identity }).flatMap(([name, value]) =>
      value === undefined ? [] : [name],
    );
    if (given.length !== 1) {
      throw new InvalidProps(
        'TailnetLayer',
        `of key, secret and identity exactly one is needed to join the tailnet, and ${given.length === 0 ? 'none' : given.join(' and ')} was given`,
      );
    }
    if (fn.architecture.name !== this.architecture.name) {
      throw new InvalidProps(
        'TailnetLayer',
        `it is for ${this.architecture.name} and ${fn.node.path} is ${fn.architecture.name}; make the layer with that architecture`,
      );
    }
    if (!this.#ownNode && fn.runtime.family !== RuntimeFamily.NODEJS) {
      throw new InvalidProps(
        'TailnetLayer',
        `${fn.node.path} runs ${fn.runtime.name}, which has no Node for the extension; make the layer with ownNode: true`,
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

function environmentOf(options: TailnetOptions): Partial<Record<VariableName, string>> {
  const { key, secret, identity, controlUrl = key?.issuer.controlUrl, hostname } = options;
  const { tags, targets, socksPort, joinTimeout } = options;
  const secretArn = (key?.secret ?? secret)?.secretArn;
  return {
    ...(secretArn !== undefined && { POSTERN_TAILNET_SECRET_ID: secretArn }),
    ...(identity !== undefined && {
      POSTERN_TAILNET_CLIENT_ID: identity.clientId,
      POSTERN_TAILNET_AUDIENCE: identity.audience,
    }),
    ...(controlUrl !== undefined && { POSTERN_TAILNET_CONTROL_URL: controlUrl }),
    ...(hostname !== undefined && { POSTERN_TAILNET_HOSTNAME: hostname }),
    ...(tags !== undefined && { POSTERN_TAILNET_TAGS: tags.join(',') }),
    ...(targets !== undefined && { POSTERN_TAILNET_TARGETS: targets.join(',') }),
    ...(socksPort !== undefined && { POSTERN_SOCKS_PORT: String(socksPort) }),
    ...(joinTimeout !== undefined && { POSTERN_JOIN_TIMEOUT: `${joinTimeout.toMilliseconds()}ms` }),
  };
}

/** The action knows no resources; the condition limits it to tokens for this audience. */
function identityStatement({ audience }: TailnetIdentityOptions): PolicyStatement {
  return new PolicyStatement({
    actions: ['sts:GetWebIdentityToken'],
    resources: ['*'],
    conditions: {
      'ForAllValues:StringEquals': { 'sts:IdentityTokenAudience': [audience] },
      // The condition above holds as well for a request that names no audience at all.
      Null: { 'sts:IdentityTokenAudience': 'false' },
    },
  });
}
