import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { locateParts, type Parts } from './cache.ts';
import { type Headscale, type KeyOptions, startHeadscale } from './headscale.ts';
import {
  type HttpApi,
  type HttpApiOptions,
  type HttpApiRoute,
  type Invoke,
  startHttpApi,
} from './http-api.ts';
import { hubAddress, runFolder } from './network.ts';
import { makePki, type Pki } from './pki.ts';
import { until } from './process.ts';
import { buildProducts, type Products } from './products.ts';
import { type Sandbox, type SandboxOptions, startSandbox } from './sandbox.ts';
import { type SecretsManager, startSecretsManager } from './secrets.ts';
import { startTarget, type Target } from './target.ts';

export interface FunctionOptions extends Partial<SandboxOptions> {
  /** What goes beside the function as its postern.json; without it POSTERN_CONFIG stays unset. */
  readonly config?: unknown;
}

/** The whole path on one machine: control server, private target, Secrets Manager, and functions on demand. */
export interface Lab {
  readonly parts: Parts;
  readonly products: Products;
  readonly pki: Pki;
  readonly headscale: Headscale;
  readonly secrets: SecretsManager;
  readonly target: Target;
  /** The environment of a function that joins this tailnet with the key in `secretId`. */
  readonly tunnelEnv: Readonly<Record<string, string>>;
  /** The layers that `forwarder` has: Postern's, and one with this lab's certificate authority. */
  readonly layers: readonly string[];
  /** Starts a sandbox of the forwarder with the layer, not yet initialized. */
  forwarder(options?: FunctionOptions): Promise<Sandbox>;
  authorizer(options?: FunctionOptions): Promise<Sandbox>;
  /** Starts an HTTP API with these routes, or with one function for everything. */
  api(routes: Invoke | readonly HttpApiRoute[], rest?: Omit<HttpApiOptions, 'routes'>): Promise<HttpApi>;
  /** Makes a key and puts it into the secret that the functions read. */
  storeKey(options?: KeyOptions): Promise<void>;
  /** Waits until exactly these nodes, by name, are in the tailnet beside the target; gives how long that took. */
  waitForNodes(names: readonly string[], limitMs?: number): Promise<number>;
  /** Ends all that was started here, whatever state it is in. */
  stop(): Promise<void>;
}

export const secretId = 'postern/auth-key';

/** Starts what every test file needs; about two seconds. Call it once a file, inside the hub. */
export async function startLab(): Promise<Lab> {
  const parts = locateParts();
  const pki = await makePki(join(runFolder, 'pki'), [hubAddress]);
  const headscaleStarts = startHeadscale(parts.headscale, join(runFolder, 'headscale'), pki);
  const secretsStarts = startSecretsManager(parts.motoServer);
  const [products, headscale, secrets] = await Promise.all([
    buildProducts(join(runFolder, 'products')),
    headscaleStarts,
    secretsStarts,
  ]).catch(async (error: unknown) => {
    // What was started beside it would keep the test's process, which nobody then ends.
    await Promise.allSettled([headscaleStarts, secretsStarts].map(async (one) => (await one).stop()));
    throw error;
  });
  const { tailscaled } = products;
  const folder = join(runFolder, 'target');
  const target = await startTarget({ tailscaled, folder, headscale, authority: pki.authority }).catch(
    async (error: unknown) => {
      await Promise.allSettled([headscale.stop(), secrets.stop()]);
      throw error;
    },
  );
  const authorityLayer = join(runFolder, 'authority-layer');
  mkdirSync(join(authorityLayer, 'ssl'), { recursive: true });
  writeFileSync(join(authorityLayer, 'ssl', 'lab.pem'), readFileSync(pki.authority));
  const layers = [products.layer, authorityLayer];
  const tunnelEnv = {
    POSTERN_TAILNET_SECRET_ID: secretId,
    POSTERN_TAILNET_CONTROL_URL: headscale.url,
    POSTERN_TAILNET_TARGETS: target.name,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
  };
  const sandboxes: Sandbox[] = [];
  const apis: HttpApi[] = [];

  async function startFunction(options: SandboxOptions & { readonly config?: unknown }): Promise<Sandbox> {
    const { config, ...rest } = options;
    const files = config === undefined ? {} : { '/var/task/postern.json': JSON.stringify(config) };
    const env = config === undefined ? {} : { POSTERN_CONFIG: 'postern.json' };
    const sandbox = await startSandbox({
      ...rest,
      files: { ...files, ...options.files },
      env: { ...env, ...options.env },
    });
    sandboxes.push(sandbox);
    return sandbox;
  }

  const { lambdaEmulator } = parts;
  return {
    ...{ parts, products, pki, headscale, secrets, target, tunnelEnv, layers },
    forwarder: (options = {}) =>
      startFunction({
        ...{ bundle: products.forwarder, layers, lambdaEmulator, ...options },
        env: { ...tunnelEnv, ...options.env },
      }),
    authorizer: (options = {}) =>
      startFunction({ bundle: products.authorizer, lambdaEmulator, timeoutSeconds: 9, ...options }),
    async api(routes, rest = {}) {
      const list = typeof routes === 'function' ? [{ key: '$default', invoke: routes }] : routes;
      const api = await startHttpApi({ ...rest, routes: list });
      apis.push(api);
      return api;
    },
    async storeKey(options) {
      const { key } = await headscale.createKey(options);
      await secrets.put(secretId, key);
    },
    async waitForNodes(names, limitMs = 30_000) {
      const startMs = performance.now();
      const wanted = ['target', ...names].toSorted().join();
      const seen = async () => {
        const found = (await headscale.nodes()).map((node) => node.name).toSorted();
        if (found.join() === wanted) return true;
        throw new Error(`the tailnet has ${found.join(', ')}`);
      };
      await until(`the tailnet has ${wanted}`, seen, { limitMs });
      return performance.now() - startMs;
    },
    async stop() {
      await Promise.all(apis.map((api) => api.close()));
      await Promise.all(sandboxes.map((sandbox) => sandbox.kill()));
      await target.stop();
      await secrets.stop();
      await headscale.stop();
    },
  };
}
