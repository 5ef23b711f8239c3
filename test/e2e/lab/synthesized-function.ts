import { readFileSync } from 'node:fs';
import type { Lab } from './lab.ts';
import { type RecordedCall, startRecorder } from './recorder.ts';
import { runtimes, type Sandbox, startSandbox } from './sandbox.ts';
import type { Resource, SynthesizedStack } from './synthesized.ts';
import { allows, type Statement } from './synthesized-iam.ts';

interface FunctionProperties {
  readonly Handler: string;
  readonly Runtime: string;
  readonly Timeout?: number;
  readonly MemorySize?: number;
  readonly Architectures: readonly string[];
  readonly Environment?: { readonly Variables: Readonly<Record<string, unknown>> };
  readonly Layers?: readonly { readonly Ref: string }[];
  readonly Role: { readonly 'Fn::GetAtt': readonly [string, string] };
}

/** A function of a template in a sandbox, with no more rights than its role has there. */
export interface DeployedFunction {
  readonly arn: string;
  readonly sandbox: Sandbox;
  readonly roleArn: string;
  /** What the template's policies allow its role. */
  readonly statements: readonly Statement[];
  /** The function's own environment, as in the template. */
  readonly variables: Readonly<Record<string, string>>;
  /** What it asked of Secrets Manager. */
  readonly calls: readonly RecordedCall[];
  /** As Lambda ends a sandbox, so that it leaves the tailnet. */
  shutdown(): Promise<void>;
  stop(): Promise<void>;
}

/** What Lambda takes when the template says nothing. */
const defaults = { timeoutSeconds: 3, memoryMb: 128 };

/**
 * Starts a function as the template has it: asset, handler, environment, layers, time limit, and the rights of its role, which
 * moto itself asks for in no call.
 *
 * The laboratory adds two variables and one layer, because it is not AWS: where Secrets Manager is, and its certificate authority.
 *
 * @throws Error for a runtime or an architecture that this machine has not
 */
export async function deployFunction(
  lab: Lab,
  stack: SynthesizedStack,
  id: string,
): Promise<DeployedFunction> {
  const { Properties } = stack.resources[id] as Resource;
  const {
    Handler,
    Runtime,
    Timeout = defaults.timeoutSeconds,
    MemorySize = defaults.memoryMb,
    Layers = [],
    ...rest
  } = Properties as unknown as FunctionProperties;
  if (Runtime !== 'nodejs24.x') throw new Error(`${id} runs ${Runtime}, and here is Node 24 alone`);
  checkArchitecture(id, Layers.length > 0, rest.Architectures);
  const statements = stack.statements(rest.Role['Fn::GetAtt'][0]);
  const principalArn = stack.text(rest.Role);

  async function mayCall({ action, secretId }: RecordedCall): Promise<boolean> {
    if (secretId === undefined) return false;
    const resource = await lab.secrets
      .call<{ ARN: string }>('DescribeSecret', { SecretId: secretId })
      .then(({ ARN }) => ARN);
    return allows(statements, { principalArn, action, resource }, stack.secretPolicy(resource));
  }

  const recorder = await startRecorder(lab.secrets.url, mayCall);
  const variables = stack.resolve(rest.Environment?.Variables ?? {}) as Record<string, string>;
  const sandbox = await startSandbox({
    bundle: stack.asset(stack.resources[id] as Resource),
    runtime: { ...runtimes.node, handler: Handler },
    functionName: stack.text({ Ref: id }),
    lambdaEmulator: lab.parts.lambdaEmulator,
    timeoutSeconds: Timeout,
    layers: [
      ...Layers.map(({ Ref }) => stack.asset(stack.resources[Ref] as Resource)),
      ...lab.layers.slice(1),
    ],
    files: { '/etc/lab.pem': readFileSync(lab.pki.authority) },
    env: {
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(MemorySize),
      ...variables,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: recorder.url,
      NODE_EXTRA_CA_CERTS: '/etc/lab.pem',
    },
  });
  return {
    arn: stack.text({ 'Fn::GetAtt': [id, 'Arn'] }),
    ...{ sandbox, roleArn: principalArn, statements, variables, calls: recorder.calls },
    async shutdown() {
      await sandbox.shutdown();
      await recorder.close();
    },
    async stop() {
      await sandbox.kill();
      await recorder.close();
    },
  };
}

/** Functions without a layer are JavaScript alone, which runs on any machine. */
function checkArchitecture(id: string, hasLayer: boolean, architectures: readonly string[]): void {
  const own = process.arch === 'arm64' ? 'arm64' : 'x86_64';
  if (hasLayer && architectures.join() !== own)
    throw new Error(`${id} is for ${architectures.join()}, and this machine is ${own}`);
}
