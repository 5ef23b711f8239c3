/// <reference types="node" preserve="true" />
/** What a function beside the layer imports as `postern/tailnet`. */
export { type TailnetAgentOptions, tailnetAgent } from './agent.ts';
export { type FetchDispatcher, tailnetDispatcher } from './dispatcher.ts';
export type { TailnetOptions } from './options.ts';
