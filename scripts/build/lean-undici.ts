import type { Plugin } from 'esbuild';

/** The used parts of undici and their files. An import of another name fails the build: add it here. */
const kept = {
  Client: 'undici/lib/dispatcher/client.js',
  Pool: 'undici/lib/dispatcher/pool.js',
  buildConnector: 'undici/lib/core/connect.js',
  errors: 'undici/lib/core/errors.js',
};

/** What the files above load and never call here. */
const leftOut: readonly (readonly [file: RegExp, why: string])[] = [
  // Loads node:http2 at once. All pools and connectors are made with allowH2: false.
  [/undici[\\/]lib[\\/]dispatcher[\\/]client-h2\.js$/, 'HTTP/2 to targets'],
  // For processors without SIMD. Both of Lambda's architectures have SIMD, and undici uses the parser for it.
  [/undici[\\/]lib[\\/]llhttp[\\/]llhttp-wasm\.js$/, 'HTTP/1 without SIMD'],
  // Fetch, FormData and the like, for bodies that are FormData. Bodies here are bytes and streams.
  [/undici[\\/]lib[\\/]web[\\/]/, 'fetch and FormData'],
];

/**
 * Bundles only the used parts of undici: its main file loads mocks, caches, interceptors, fetch and WebSocket
 * (52 ms of a cold start; 18 ms are left, measured). `esbuildDetection` is undici's own switch for bundles, by which it
 * leaves its second, experimental parser out; Node's own build of undici sets it too.
 */
export const leanUndici: Plugin = {
  name: 'lean-undici',
  setup(build) {
    build.initialOptions.define = { ...build.initialOptions.define, esbuildDetection: 'true' };
    build.onResolve({ filter: /^undici$/ }, ({ resolveDir }) => ({
      path: 'undici',
      namespace: 'lean-undici',
      pluginData: resolveDir,
      sideEffects: false,
    }));
    build.onLoad({ filter: /.*/, namespace: 'lean-undici' }, ({ pluginData }) => ({
      contents: Object.entries(kept)
        .map(([name, file]) => `export { default as ${name} } from '${file}';`)
        .join('\n'),
      resolveDir: pluginData as string,
    }));
    for (const [filter, why] of leftOut) {
      build.onLoad({ filter }, () => ({
        contents: `module.exports = function leftOut() { throw new Error('${why}: left out of this bundle'); };`,
      }));
    }
  },
};
