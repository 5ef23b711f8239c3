/// <reference types="node" preserve="true" />
/** The exports of `postern/tailnet`, for a function beside the layer. */
export { type TailnetAgentOptions, tailnetAgent } from './agent.ts';
export { type FetchDispatcher, tailnetDispatcher } from './dispatcher.ts';
export type { TailnetOptions } from './options.ts';
