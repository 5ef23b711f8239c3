export { DemoStack, type DemoStackProps } from './demo-stack.ts';
export { PipelineStack, type PipelineStackProps } from './pipeline-stack.ts';
export { type PosternChoices, PosternStack, type PosternStackProps } from './postern-stack.ts';
export { InvalidProps } from './problem.ts';
export { TailnetKey, type TailnetKeyProps } from './tailnet-key.ts';
export {
  type HeadscaleIssuerProps,
  TailnetKeyIssuer,
  type TailscaleIssuerProps,
} from './tailnet-key-issuer.ts';
export {
  type TailnetIdentityOptions,
  TailnetLayer,
  type TailnetLayerProps,
  type TailnetOptions,
} from './tailnet-layer.ts';
export { WebhookGateway, type WebhookGatewayProps } from './webhook-gateway.ts';
