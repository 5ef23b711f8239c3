import { isBuiltin } from 'node:module';
import type { Plugin } from 'esbuild';

/**
 * Takes Node's own modules by `process.getBuiltinModule` instead of `import`.
 *
 * An ES module that imports one of them makes Node read every export, getters too: `node:http` then loads the whole of
 * fetch for its `WebSocket` (25 ms of a cold start, measured), `node:crypto` Web Crypto (6 ms). And what CommonJS
 * inside the bundle requires needs no `createRequire`, and is still loaded only when it is required.
 */
export const builtins: Plugin = {
  name: 'builtins',
  setup(build) {
    build.onResolve({ filter: /^[a-z0-9_:/]+$/ }, ({ path, kind }) => {
      if (kind === 'entry-point' || !isBuiltin(path)) return undefined;
      const named = path.startsWith('node:') ? path : `node:${path}`;
      return { path: named, namespace: 'builtin', sideEffects: false };
    });
    build.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
    }));
  },
};
