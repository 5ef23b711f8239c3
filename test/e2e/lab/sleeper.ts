import { enterHub, layCable } from './network.ts';
import { start } from './process.ts';

// A laboratory that is never taken down, for the test that kills one.
await enterHub();
await layCable(1);
start('sleeper', ['sleep', '1000']);
console.log('sleeping');
