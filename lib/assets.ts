import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, extname, join } from 'node:path';
import { Stack } from 'aws-cdk-lib';
import { type AssetCode, Code } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { InvalidProps } from './problem.ts';

/** The deployed functions, by the names of their folders in functions/. */
export type FunctionName = 'authorizer' | 'forwarder' | 'rotation';

/** What the functions need to run a configuration. */
export interface Needs {
  /** The references to secrets, such as `secretsmanager:github#key`. */
  readonly secrets: readonly string[];
  /** The references of plugins that need no body: an authorizer reads no others. */
  readonly headSecrets: readonly string[];
  /** The targets behind the tunnel. */
  readonly tailnetPeers: readonly string[];
}

/** The name of the configuration beside a function: what POSTERN_CONFIG is set to. */
export const bundledConfiguration = 'postern.json';

const tool = join(import.meta.dirname, '..', 'scripts', 'build', `tool${extname(import.meta.filename)}`);

/**
 * Checks postern.yaml and returns what it needs, without reading a secret.
 *
 * @throws Error with everything that is wrong, each at its line
 */
export function inspectConfiguration(file: string): Needs {
  return JSON.parse(runTool(['inspect', file])) as Needs;
}

/** A function's code, bundled while the app is synthesized; `config` is checked and put beside it as JSON. */
export function functionCode(scope: Construct, name: FunctionName, config?: string): AssetCode {
  return made(scope, function bundle() {
    const folder = newFolder();
    runTool(['function', name, folder, ...(config === undefined ? [] : [config])]);
    return folder;
  });
}

const layers = new Map<string, string>();

/** A layer's zip, by a name such as `arm64` or `x86_64-own-node`; a clone builds it, with Go. */
export function layerCode(scope: Construct, name: string): AssetCode {
  return made(scope, function build() {
    const built = layers.get(name) ?? join(newFolder(), `${name}.zip`);
    if (!layers.has(name)) runTool(['layer', name, dirname(built)]);
    layers.set(name, built);
    return built;
  });
}

/**
 * Made by a child process, because a constructor cannot wait, and without Docker. Not within the CDK's own bundling, which
 * would wrap what is wrong into another error. A stack that the command leaves out gets a small placeholder.
 */
function made(scope: Construct, make: () => string): AssetCode {
  return Code.fromAsset(Stack.of(scope).bundlingRequired ? make() : dirname(tool));
}

/** Until the process ends: by then the CDK has its own copy. */
function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'postern-asset-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** @throws InvalidProps with what the tool said: the lines of a wrong configuration, or why a build failed */
function runTool(args: readonly string[]): string {
  const [command, subject] = args;
  const { status, error, stdout, stderr } = spawnSync(process.execPath, [tool, ...args], {
    encoding: 'utf8',
    // The first build of a layer takes minutes, and says so while it does.
    stdio: ['ignore', 'pipe', command === 'layer' ? 'inherit' : 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error !== undefined) throw error;
  if (status === 0) return stdout;
  const what =
    command === 'inspect' ? 'The configuration is wrong' : `The ${command} ${subject} cannot be built`;
  throw new InvalidProps(what, stderr === null ? 'see above' : `\n${stderr.trim()}`);
}
