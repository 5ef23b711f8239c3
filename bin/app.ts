import { App } from 'aws-cdk-lib';
import recommended from 'aws-cdk-lib/recommended-feature-flags.json' with { type: 'json' };
import { DemoStack, EdgeFirewallStack, InvalidProps, PipelineStack, PosternStack } from '../lib/index.ts';

// The CDK app: `npx cdk deploy PosternStack`. The choices of each stack are in cdk.json, under `context`.

try {
  const app = new App({ context: recommended });
  new PosternStack(app, 'PosternStack');
  new EdgeFirewallStack(app, 'EdgeFirewallStack');
  new DemoStack(app, 'DemoStack');
  new PipelineStack(app, 'PipelineStack');
  app.synth();
} catch (error) {
  if (!(error instanceof InvalidProps)) throw error;
  process.stderr.write(`postern: ${error.message}\n`);
  process.exitCode = 1;
}
