/** One build of the pipeline: what it runs, in the words of CodeBuild's buildspec, version 0.2. */
export interface Buildspec {
  readonly version: '0.2';
  readonly phases: Readonly<
    Record<string, { readonly [key: string]: unknown; readonly commands: readonly string[] }>
  >;
  readonly artifacts?: { readonly files: readonly string[] };
}

// npm brings the Node that the repository pins; the image's Node only has to start npm. Go builds tailscaled, and
// fetches by itself the version that go.mod asks for.
const install = {
  'runtime-versions': { nodejs: 'latest', golang: 'latest', python: 'latest' },
  commands: ['npm ci'],
};

// Artifacts are zips, in which a program could lose its permission to be executed.
const pack = 'tar -cf cdk.tar cdk.out';
const unpack = 'tar -xf cdk.tar';

/** Installs, tests and synthesizes; hands on the assembly and what is needed to deploy it. */
export function verifySpec(synth: string): Buildspec {
  return {
    version: '0.2',
    phases: {
      install,
      pre_build: { commands: ['npm test'] },
      build: { commands: [synth] },
      post_build: { commands: [pack] },
    },
    artifacts: { files: ['cdk.tar', 'package.json', 'package-lock.json'] },
  };
}

/** Deploys the assembly that was tested: nothing is synthesized or built again. */
export function deploySpec(stacks: readonly string[]): Buildspec {
  return run(`npx cdk deploy --app cdk.out --require-approval never ${stacks.join(' ')}`);
}

export function destroySpec(stack: string): Buildspec {
  return run(`npx cdk destroy --app cdk.out --force ${stack}`);
}

function run(command: string): Buildspec {
  return {
    version: '0.2',
    phases: { install, pre_build: { commands: [unpack] }, build: { commands: [command] } },
  };
}
