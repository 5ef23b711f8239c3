import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { accountId, apiId } from './http-api-event.ts';
import { type Statement, statementsOf } from './synthesized-iam.ts';

/** Values of one deployment: what a logical id is, and what its attributes are. */
export interface Physical {
  readonly ref: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly Metadata?: Readonly<Record<string, string>>;
}

const root = join(import.meta.dirname, '..', '..', '..');
/** Of the laboratory's functions; the account is moto's. */
export const region = 'us-east-1';
const pseudo: Readonly<Record<string, string>> = {
  'AWS::Partition': 'aws',
  'AWS::Region': region,
  'AWS::AccountId': accountId,
  'AWS::URLSuffix': 'amazonaws.com',
};

/** What CloudFormation would give each resource, whose name it makes of the stack's, the logical id and some letters. */
const physicals: Readonly<Record<string, (name: string, id: string) => Physical>> = {
  'AWS::Lambda::Function': (name) => named(name, `lambda:${region}:${accountId}:function:${name}`),
  'AWS::IAM::Role': (name) => named(name, `iam::${accountId}:role/${name}`),
  'AWS::Logs::LogGroup': (name) => named(name, `logs:${region}:${accountId}:log-group:${name}:*`),
  'AWS::Events::Rule': (name) => named(name, `events:${region}:${accountId}:rule/${name}`),
  'AWS::ApiGatewayV2::Api': () => ({ ref: apiId, attributes: {} }),
  'AWS::ApiGatewayV2::Integration': (_name, id) => ({ ref: id, attributes: {} }),
  'AWS::ApiGatewayV2::Authorizer': (_name, id) => ({ ref: id, attributes: {} }),
};

/** Functions and roles have 64 characters at most. */
function named(name: string, resource: string): Physical {
  if (name.length > 64) throw new Error(`CloudFormation would cut ${name}, which the laboratory does not`);
  return { ref: name, attributes: { Arn: `arn:aws:${resource}` } };
}

/** Runs `cdk synth` as a person does, with the context `postern`, and gives the cloud assembly's folder. */
export function synthesize(folder: string, choices: unknown): string {
  const cdk = join(root, 'node_modules', 'aws-cdk', 'bin', 'cdk');
  const args = [
    'synth',
    'PosternStack',
    '--quiet',
    '--output',
    folder,
    '--context',
    `postern=${JSON.stringify(choices)}`,
  ];
  const { status, stdout, stderr } = spawnSync(process.execPath, [cdk, '--no-notices', ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, CDK_DISABLE_CLI_TELEMETRY: 'true', AWS_EC2_METADATA_DISABLED: 'true' },
  });
  if (status !== 0) throw new Error(`cdk synth ended with ${status}:\n${stdout}\n${stderr}`);
  return folder;
}

/** One stack of a cloud assembly: its template, with references resolved to what a laboratory has for them. */
export class SynthesizedStack {
  readonly resources: Readonly<Record<string, Resource>>;
  readonly #folder: string;
  readonly #physical = new Map<string, Physical>();

  constructor(folder: string, stack: string) {
    this.#folder = folder;
    const text = readFileSync(join(folder, `${stack}.template.json`), 'utf8');
    this.resources = (JSON.parse(text) as { Resources: Record<string, Resource> }).Resources;
    for (const [id, { Type }] of Object.entries(this.resources)) {
      const physical = physicals[Type]?.(`${stack}-${id}-AbCdEfGhIjKl`, id);
      if (physical !== undefined) this.#physical.set(id, physical);
    }
  }

  /** The only resource of a type whose logical id begins so. */
  find(type: string, prefix = ''): readonly [id: string, resource: Resource] {
    const found = this.all(type).filter(([id]) => id.startsWith(prefix));
    if (found.length !== 1) throw new Error(`${found.length} resources of ${type} begin with "${prefix}"`);
    return found[0] as [string, Resource];
  }

  all(type: string): readonly (readonly [id: string, resource: Resource])[] {
    return Object.entries(this.resources).filter(([, resource]) => resource.Type === type);
  }

  /** Says what a resource is in the laboratory. */
  set(id: string, ref: string, attributes: Readonly<Record<string, string>> = {}): void {
    this.#physical.set(id, { ref, attributes });
  }

  /**
   * A value without intrinsic functions.
   *
   * @throws Error for a reference that was not set, and for a function that is not known here
   */
  resolve(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((one) => this.resolve(one));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value);
    const [only] = entries;
    if (entries.length === 1 && only !== undefined && (only[0] === 'Ref' || only[0].startsWith('Fn::')))
      return this.#call(only[0], only[1]);
    return Object.fromEntries(entries.map(([key, one]) => [key, this.resolve(one)]));
  }

  text(value: unknown): string {
    const text = this.resolve(value);
    if (typeof text !== 'string') throw new Error(`${JSON.stringify(value)} is not a text`);
    return text;
  }

  /** The folder of a function's or layer's code, as it would be unpacked at AWS. */
  asset({ Metadata }: Resource): string {
    const path = Metadata?.['aws:asset:path'];
    if (path === undefined) throw new Error('the resource has no asset');
    const source = join(this.#folder, path);
    if (!path.endsWith('.zip')) return source;
    const folder = join(this.#folder, `unpacked-${basename(path, '.zip')}`);
    mkdirSync(folder, { recursive: true });
    execFileSync('python3', ['-c', unzip, source, folder]);
    return folder;
  }

  /** What the policies of a role say. */
  statements(roleId: string): readonly Statement[] {
    return this.all('AWS::IAM::Policy')
      .filter(([, { Properties }]) =>
        (Properties.Roles as readonly { Ref: string }[]).some(({ Ref }) => Ref === roleId),
      )
      .flatMap(([, { Properties }]) => statementsOf(this.resolve(Properties.PolicyDocument)));
  }

  /** What the policy of a secret says, by the secret's ARN. */
  secretPolicy(arn: string): readonly Statement[] {
    return this.all('AWS::SecretsManager::ResourcePolicy')
      .filter(([, { Properties }]) => this.text(Properties.SecretId) === arn)
      .flatMap(([, { Properties }]) => statementsOf(this.resolve(Properties.ResourcePolicy)));
  }

  #call(name: string, argument: unknown): unknown {
    if (name === 'Ref') return pseudo[String(argument)] ?? this.#known(String(argument)).ref;
    if (name === 'Fn::GetAtt') {
      const [id, attribute] = argument as [string, string];
      const value = this.#known(id).attributes[attribute];
      if (value === undefined) throw new Error(`the laboratory has no ${id}.${attribute}`);
      return value;
    }
    if (name === 'Fn::Join') {
      const [separator, parts] = argument as [string, readonly unknown[]];
      return parts.map((part) => this.text(part)).join(separator);
    }
    throw new Error(`${name} is not known here`);
  }

  #known(id: string): Physical {
    const physical = this.#physical.get(id);
    if (physical === undefined) throw new Error(`the laboratory has nothing for ${id}`);
    return physical;
  }
}

/** With the modes that the archive has, which Lambda keeps and Python's own command does not. */
const unzip = `
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    for entry in archive.infolist():
        path = archive.extract(entry, sys.argv[2])
        mode = entry.external_attr >> 16 & 0o777
        if mode and not entry.is_dir():
            os.chmod(path, mode)
`;
