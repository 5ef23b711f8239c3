import type { Plugin } from 'esbuild';

/**
 * Bundles only what a function needs of AWS's SDK: its ES modules without unused code, and of the ways to
 * get credentials only Lambda's, the environment. The others are single sign-on, profiles, processes and metadata services.
 */
export const leanAws: Plugin = {
  name: 'lean-aws',
  setup(build) {
    build.initialOptions.mainFields = ['module', 'main'];
    build.onResolve({ filter: /^@aws-sdk\/credential-provider-node$/ }, ({ resolveDir }) => ({
      path: 'credential-provider-node',
      namespace: 'lean-aws',
      pluginData: resolveDir,
    }));
    build.onLoad({ filter: /.*/, namespace: 'lean-aws' }, ({ pluginData }) => ({
      contents: `export { fromEnv as defaultProvider } from '@aws-sdk/credential-provider-env';`,
      resolveDir: pluginData as string,
    }));
  },
};
