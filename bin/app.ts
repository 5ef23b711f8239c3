import { App } from 'aws-cdk-lib';
import { DemoStack, PipelineStack, PosternStack } from '../lib/index.ts';

// The CDK app: `npx cdk deploy PosternStack`. What each stack takes stands in cdk.json, under `context`.

const app = new App();
new PosternStack(app, 'PosternStack');
new DemoStack(app, 'DemoStack');
new PipelineStack(app, 'PipelineStack');
app.synth();
