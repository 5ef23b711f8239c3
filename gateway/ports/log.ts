export type { Log, LogFields } from '../../base/log.ts';
