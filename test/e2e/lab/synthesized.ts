import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

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

export interface Statement {
  readonly effect: string;
  readonly actions: readonly string[];
  readonly resources: readonly string[];
}

const root = join(import.meta.dirname, '..', '..', '..');
/** moto's account, and the region of the laboratory's functions. */
export const account = '123456789012';
export const region = 'us-east-1';
const pseudo: Readonly<Record<string, string>> = {
  'AWS::Partition': 'aws',
  'AWS::Region': region,
  'AWS::AccountId': account,
  'AWS::URLSuffix': 'amazonaws.com',
};

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
    if (typeof text !== 'string') throw new Error(`${JSON.stringify(value)} is no text`);
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
      .flatMap(
        ([, { Properties }]) =>
          (Properties.PolicyDocument as { Statement: readonly Record<string, unknown>[] }).Statement,
      )
      .map(({ Effect, Action, Resource }) => ({
        effect: String(Effect),
        actions: [Action].flat() as string[],
        resources: [this.resolve(Resource)].flat() as string[],
      }));
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

/** Whether statements allow an action on a resource: `*` is any text and `?` any character (IAM, policy elements, Resource). */
export function allows(statements: readonly Statement[], action: string, resource: string): boolean {
  const matches = (patterns: readonly string[], text: string) =>
    patterns.some((pattern) => glob(pattern).test(text));
  const applies = (effect: string) =>
    statements.some(
      (one) => one.effect === effect && matches(one.actions, action) && matches(one.resources, resource),
    );
  return applies('Allow') && !applies('Deny');
}

function glob(pattern: string): RegExp {
  const text = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.');
  return new RegExp(`^${text}$`);
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
