export type { Clock } from '../../base/clock.ts';
