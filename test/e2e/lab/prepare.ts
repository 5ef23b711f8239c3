import { makeParts } from './cache.ts';
import { makeTailscaled } from './products.ts';

// Run under the lock that `ensureParts` takes; by hand it warms the cache before the tests.
try {
  await makeParts();
  makeTailscaled();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
