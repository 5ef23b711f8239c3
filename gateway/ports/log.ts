export type { Log } from '../../base/log.ts';
