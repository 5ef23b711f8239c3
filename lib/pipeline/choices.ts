import { readContextChoices } from '../context-choices.ts';
import { InvalidProps } from '../problem.ts';

/** Where the pipeline's source is and what it deploys, as properties of the stack or as the context `postern:pipeline`. */
export interface PipelineChoices {
  /**
   * The ARN of a connection of CodeConnections to the repository's host. Its handshake is made by hand, once.
   *
   * @default - the parameter `ConnectionArn`, which the deployment of the pipeline must give
   */
  readonly connectionArn?: string;
  /**
   * The repository, as `owner/name`.
   *
   * @default - the parameter `Repository`, which the deployment of the pipeline must give
   */
  readonly repository?: string;
  /**
   * The branch that is deployed.
   *
   * @default main
   */
  readonly branch?: string;
  /**
   * The command that makes `cdk.out`, with the context that the deployment needs.
   *
   * @default npx cdk synth --quiet
   */
  readonly synth?: string;
  /**
   * The stacks that stay.
   *
   * @default ['PosternStack']
   */
  readonly stacks?: readonly string[];
  /**
   * The stack that is deployed with them, and destroyed when somebody approves.
   *
   * @default DemoStack
   */
  readonly demoStack?: string;
}

type Defaults = Required<Omit<PipelineChoices, 'connectionArn' | 'repository'>>;
export type ReadPipelineChoices = Defaults & Pick<PipelineChoices, 'connectionArn' | 'repository'>;

const defaults: Defaults = {
  branch: 'main',
  synth: 'npx cdk synth --quiet',
  stacks: ['PosternStack'],
  demoStack: 'DemoStack',
};

interface Rule {
  readonly pattern: RegExp;
  readonly expected: string;
}

const stackName = '[A-Za-z][A-Za-z0-9/-]*';

/** Patterns that CloudFormation checks too if a parameter replaces a choice. */
export const patterns = {
  connectionArn:
    '^arn:[a-z-]+:(?:codeconnections|codestar-connections):[a-z0-9-]+:[0-9]{12}:connection/[0-9a-f-]+$',
  repository: '^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$',
};

// Names of stacks become words of a shell command, so they have no character that a shell interprets.
const rules: Readonly<Record<keyof PipelineChoices, Rule>> = {
  connectionArn: {
    pattern: new RegExp(patterns.connectionArn),
    expected: 'an ARN such as arn:aws:codeconnections:REGION:ACCOUNT:connection/ID',
  },
  repository: { pattern: new RegExp(patterns.repository), expected: 'owner/name' },
  branch: { pattern: /^[A-Za-z0-9._/-]+$/, expected: 'the name of a branch' },
  synth: { pattern: /\S/, expected: 'a command that writes cdk.out' },
  stacks: { pattern: new RegExp(`^${stackName}(?:,${stackName})*$`), expected: 'a list of names of stacks' },
  demoStack: { pattern: new RegExp(`^${stackName}$`), expected: 'the name of a stack' },
};

/**
 * Returns a checked value for every choice: from the property, the context, or the default.
 *
 * @throws InvalidProps with the choice, the value got and what is expected
 */
export function readPipelineChoices(context: unknown, props: PipelineChoices): ReadPipelineChoices {
  const given = readContextChoices('postern:pipeline', context, Object.keys(rules));
  const chosen: Record<string, unknown> = {};
  for (const name of Object.keys(rules) as (keyof PipelineChoices)[]) {
    const value = props[name] ?? given[name] ?? (defaults as PipelineChoices)[name];
    if (value === undefined) continue;
    const { pattern, expected } = rules[name];
    const isOfType = name === 'stacks' ? Array.isArray(value) : typeof value === 'string';
    if (!isOfType || !pattern.test(String(value))) {
      throw new InvalidProps('PipelineStack', `${name} is ${JSON.stringify(value)}; give ${expected}`);
    }
    chosen[name] = value;
  }
  return Object.freeze(chosen) as unknown as ReadPipelineChoices;
}
