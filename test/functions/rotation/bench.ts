import type { Clock } from '../../../base/clock.ts';
import { createLog } from '../../../base/log.ts';
import { redact } from '../../../base/redact.ts';
import { openIssuer } from '../../../functions/rotation/open-issuer.ts';
import { createRotation, type RotationHandler } from '../../../functions/rotation/rotation.ts';
import { createSecretStore } from '../../../functions/rotation/store.ts';
import { FakeSecretsManager } from '../../support/secrets-manager.ts';
import { TailscaleApi, type TailscaleApiOptions } from '../../support/tailscale-api.ts';

export const secretId = 'postern/auth-key';
export const credentialsId = 'postern/issuer';
export const dayMs = 86_400_000;
export const steps = ['createSecret', 'setSecret', 'testSecret', 'finishSecret'] as const;
export type StepName = (typeof steps)[number];

export interface BenchOptions extends TailscaleApiOptions {
  readonly issuer?: 'tailscale' | 'headscale';
  readonly wantedTags?: readonly string[];
  readonly lifetimeMs?: number;
  readonly everyDays?: number;
  /** What is in the secret before the first rotation. */
  readonly initial?: string;
  /** What is in the secret with the credentials; default: the OAuth client. */
  readonly credentials?: string;
}

/** The rotation with a Secrets Manager and an issuer of the tests' own, in one process, without a network and with a clock to turn. */
export interface Bench {
  readonly secrets: FakeSecretsManager;
  readonly api: TailscaleApi;
  readonly handler: RotationHandler;
  readonly lines: string[];
  /** The lines of the log as objects. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  nowMs: number;
  /** What the function's time is, for each call. */
  remainingMs: number;
  readonly slept: number[];
  run(step: StepName, token: string): Promise<void>;
  /** Begins a rotation as AWS does and runs all steps. */
  rotate(token: string): Promise<void>;
  check(): Promise<void>;
  /** The id of the key in the version with this label. */
  keyIn(stage: string): string | undefined;
  readonly liveIds: readonly string[];
}

export function token(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
}

export function createBench(options: BenchOptions = {}): Bench {
  const secrets = new FakeSecretsManager();
  const apiUrl =
    options.issuer === 'headscale' ? 'https://headscale.example.com' : 'https://api.tailscale.com';
  const api = new TailscaleApi({ now: () => bench.nowMs, ...options });
  const lines: string[] = [];
  const slept: number[] = [];
  const log = createLog((line) => lines.push(redact(line)));
  const clock: Clock = {
    now: () => bench.nowMs,
    monotonic: () => bench.nowMs,
    sleep: async (ms) => {
      slept.push(ms);
      bench.nowMs += ms;
    },
  };
  const store = createSecretStore(secrets.client());
  const { issuer = 'tailscale', wantedTags = ['tag:postern'], lifetimeMs = 90 * dayMs } = options;
  secrets.create(
    secretId,
    options.initial ?? 'a placeholder that CloudFormation made',
    options.everyDays ?? 60,
  );
  const { id: clientId, secret: clientSecret } = api.client;
  secrets.create(credentialsId, options.credentials ?? JSON.stringify({ clientId, clientSecret }));
  const handler = createRotation({
    ...{ store, log, clock, secretId, functionName: 'rotation' },
    open: openIssuer({ issuer, apiUrl, credentialsId, store, log, clock, send: api.send }),
    wanted: { tags: wantedTags, lifetimeMs },
    origin: { issuer, api: apiUrl },
  });
  const context = { getRemainingTimeInMillis: () => bench.remainingMs };
  const run = (Step: StepName, ClientRequestToken: string) =>
    handler({ Step, SecretId: secretId, ClientRequestToken }, context);
  const bench: Bench = {
    ...{ secrets, api, handler, lines, slept, run, remainingMs: 60_000, nowMs: Date.UTC(2026, 0, 1) },
    async rotate(version) {
      secrets.rotate(secretId, version);
      for (const step of steps) await run(step, version);
    },
    check: () => handler({ check: 'expiry' }, context),
    keyIn: (stage) => idIn(secrets.text(secretId, stage)),
    get log() {
      return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    },
    get liveIds() {
      return api.live.map(({ id }) => id);
    },
  };
  return bench;
}

function idIn(text: string | undefined): string | undefined {
  return text?.startsWith('{') === true ? (JSON.parse(text) as { id: string }).id : undefined;
}
