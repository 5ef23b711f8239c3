import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { inspectConfiguration } from '../lib/assets.ts';
import { DemoStack, PosternStack } from '../lib/index.ts';

/** The parts of a CloudFormation template that are read here. */
export interface Template {
  readonly Resources: Readonly<Record<string, Resource>>;
}

export interface Resource {
  readonly Type: string;
  // CloudFormation's own shapes, which differ for each type.
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly Properties: any;
}

export interface Templates {
  readonly postern: Template;
  readonly demo: Template;
  /** References to secrets in the configuration, such as `secretsmanager:postern/github`. */
  readonly secretReferences: readonly string[];
}

const config = join(import.meta.dirname, '..', 'postern.yaml');

/** Synthesizes the stacks as `cdk synth` does in a clone, without building what they upload. */
export function synthesize(): Templates {
  const app = new App({
    context: {
      'aws:cdk:bundling-stacks': [],
      postern: { config, sourceCidrs: ['192.0.2.0/24', '2001:db8::/32'] },
    },
  });
  const postern = new PosternStack(app, 'PosternStack');
  const demo = new DemoStack(app, 'DemoStack');
  const assembly = app.synth();
  return {
    postern: assembly.getStackArtifact(postern.artifactId).template,
    demo: assembly.getStackArtifact(demo.artifactId).template,
    secretReferences: inspectConfiguration(config).secrets,
  };
}

export function resourcesOf({ Resources }: Template, type: string): readonly (Resource & { id: string })[] {
  return Object.entries(Resources)
    .filter(([, resource]) => resource.Type === type)
    .map(([id, resource]) => ({ ...resource, id }));
}
