/// <reference types="node" preserve="true" />
export { DemoStack, type DemoStackProps } from './demo-stack.ts';
export type { EdgeChoice } from './edge-choice.ts';
export { EdgeDistribution, type EdgeDistributionProps } from './edge-distribution.ts';
export { EdgeFirewall, type EdgeFirewallProps, EdgeFirewallStack } from './edge-firewall.ts';
export { Observability, type ObservabilityProps } from './observability.ts';
export { PipelineStack, type PipelineStackProps } from './pipeline-stack.ts';
export { type PosternChoices, PosternStack, type PosternStackProps } from './postern-stack.ts';
export { InvalidProps } from './problem.ts';
export { TailnetKey, type TailnetKeyProps } from './tailnet-key.ts';
export {
  type HeadscaleIssuerProps,
  TailnetKeyIssuer,
  type TailscaleIssuerProps,
} from './tailnet-key-issuer.ts';
export { TailnetLayer, type TailnetLayerProps } from './tailnet-layer.ts';
export type { TailnetIdentityOptions, TailnetOptions } from './tailnet-options.ts';
export { WebhookGateway } from './webhook-gateway.ts';
export type { WebhookGatewayProps } from './webhook-gateway-props.ts';
