import assert from 'node:assert/strict';
import test from 'node:test';
import { constant, page, source } from './pages.ts';

const count = (value: number) => value.toLocaleString('en-US');
const seconds = (ms: number) => `${ms / 1000} s`;
const word = (value: number) =>
  ({ 2: 'two', 3: 'three', 5: 'five', 7: 'seven', 8: 'eight', 10: 'ten', 15: 'fifteen', 30: 'thirty' })[
    value
  ] ?? String(value);

const tunnel = (name: string) => constant('tunnel/tunnel.ts', name);
const proof = (name: string) => constant('tunnel/proof.ts', name);
const watchdog = (name: string) => constant('tunnel/watchdog.ts', name);
const retries = /retriesMs = \[([^\]]+)\]/.exec(source('tunnel/tunnel.ts'))?.[1] ?? '';
const [, identityPauses = ''] =
  /^const pausesMs = \[(.*)\];$/m.exec(source('extension/identity/tailnet-api.ts')) ?? [];
const retrySeconds = retries.split(', ').map((ms) => Number(ms.replaceAll('_', '')) / 1000);
/** What is left of Lambda's two seconds, and how much of it a login that is under way may take. */
const loginShare = Number(/this\.#settle\(\), withinMs \* ([\d.]+)/.exec(source('tunnel/tunnel.ts'))?.[1]);
const loginMs = (2_000 - constant('extension/main.ts', 'marginMs')) * loginShare;
const rereadMs = {
  known: constant('functions/edge-secret.ts', 'known'),
  unknown: constant('functions/edge-secret.ts', 'unknown'),
};
const gateway = source('lib/webhook-gateway.ts');
const [errors = 0, , tunnelFailures = 0, , daysLeft = 0] = [
  ...source('lib/alarms.ts').matchAll(/threshold: (\d+)/g),
].map(([, number]) => Number(number));
const artifactDays = Number(
  [...source('lib/pipeline/artifacts.ts').matchAll(/expiration: Duration\.days\((\d+)\)/g)].at(-1)?.[1],
);

/** What a page says in its own words, with the numbers of the code. */
const [, drainTimeout] =
  /drainTimeout: s\.describe\(\s*s\.withDefault\(.*?, '([^']+)'\),/s.exec(
    source('gateway/config/server-options.ts'),
  ) ?? [];

const said: Readonly<Record<string, readonly string[]>> = {
  'docs/extension.md': [
    `pings overlap, one every ${constant('tunnel/ping.ts', 'firstGapMs')} ms`,
    `the engine is restarted after ${seconds(proof('handshakeMs'))}`,
    `up to ${word(proof('standIns'))} peers that are online`,
    `a freeze of more than ${seconds(tunnel('suspendMs'))}`,
    `no pong within ${seconds(tunnel('resumePongMs'))}`,
    `LocalAPI is asked every ${seconds(watchdog('askEveryMs'))}; no answer for ${seconds(watchdog('silenceMs'))}`,
    `${seconds(watchdog('askEveryMs') + watchdog('silenceMs'))} until it is noticed`,
    `a ping every ${seconds(tunnel('beatEveryMs'))} that nobody answers`,
    `after ${retrySeconds.slice(0, -1).join(', ')} and then every ${retrySeconds.at(-1)} s`,
    `is waited for, ${Math.floor(loginMs / 100) / 10} s at most`,
    `identity token (JWT, ${constant('extension/identity/web-identity.ts', 'durationSeconds') / 60} minutes)`,
    `ephemeral, approved, tagged, ${constant('extension/identity/tailnet-api.ts', 'keyLifeSeconds') / 60} minutes`,
    `it was asked ${word(identityPauses.split(',').length + 1)} times`,
  ],
  'docs/layer.md': [
    `1 to ${constant('extension/readiness.ts', 'maxWithinMs')}; the answer comes within it`,
    `more than ${seconds(constant('gateway/upstream/tailnet/readiness.ts', 'staleMs'))} have passed`,
    'Give a dial 400 ms, then another 1 s',
  ],
  'docs/transports.md': [
    `idle for ${seconds(constant('gateway/upstream/endpoint.ts', 'keepAliveMs'))}`,
    `A connection has ${seconds(constant('gateway/upstream/deadline-client.ts', 'connectMs'))}`,
  ],
  'docs/functions.md': [
    `${constant('lib/webhook-gateway.ts', 'timeout')} s is right`,
    `at the first request after ${word(constant('functions/holder.ts', 'retryAfterMs') / 1000)} seconds`,
    `NODE_OPTIONS=${/NODE_OPTIONS: '([^']+)'/.exec(gateway)?.[1]}`,
    `MALLOC_MMAP_THRESHOLD_=${/MALLOC_MMAP_THRESHOLD_: '([^']+)'/.exec(gateway)?.[1]}`,
    `\`GOMEMLIMIT\`, ${/GOMEMLIMIT: .*'(\d+)MiB'/.exec(source('extension/daemon-environment.ts'))?.[1]} MiB`,
  ],
  'docs/constructs.md': [
    `so ${constant('lib/tailnet-key.ts', 'longestRotationDays')} is the most`,
    `${constant('lib/tailnet-key.ts', 'rotateEvery')} days. Keys live for`,
    `${word(constant('lib/webhook-gateway.ts', 'authorizerCacheTtl'))} minutes (\`authorizerCacheTtl\`)`,
  ],
  'docs/operations.md': [
    `${constant('lib/webhook-gateway.ts', 'rateLimit')} a second, bursts of ${constant('lib/webhook-gateway.ts', 'burstLimit')}`,
    `The forwarder has ${constant('lib/postern-function.ts', 'memorySize')} MB`,
  ],
  'docs/edge.md': [
    `more than ${count(constant('lib/edge-firewall.ts', 'requestsPerAddress'))} requests in ${word(constant('lib/edge-firewall.ts', 'evaluationWindowSec') / 60)} minutes`,
    `tried again after ${word(rereadMs.unknown / 1000)} seconds`,
    `at most once in ${rereadMs.known / 1000} seconds`,
    `kept for ${constant('lib/edge-distribution.ts', 'logRetention')} days`,
    `--password-length ${constant('lib/edge-distribution.ts', 'passwordLength')} `,
  ],
  'docs/rotation.md': [
    `calls every ${constant('lib/tailnet-key.ts', 'rotateEvery')} days`,
    `timeout ${constant('lib/tailnet-key.ts', 'timeout')} minutes, ${constant('lib/postern-function.ts', 'memorySize')} MB`,
    `is more than ${word(constant('functions/rotation/api.ts', 'skewMs') / 60_000)} minutes off`,
  ],
  'docs/observability.md': [
    `at least ${constant('lib/alarms.ts', 'refusalsAtLeast')} requests and more than ${constant('lib/observability.ts', 'refusalPercent')} %`,
    `answered more than ${word(errors)} times with 5xx`,
    `more than ${tunnelFailures === 2 ? 'twice' : `${tunnelFailures} times`} in five minutes`,
    `less than ${daysLeft} days were left`,
  ],
  'docs/demo.md': [
    `${word(Number(/Duration\.minutes\((\d+)\)\.toIsoString/.exec(source('lib/demo-stack.ts'))?.[1]))} minutes at most`,
    `waits ${word(Number(/JOIN_LIMIT_SECONDS:-(\d+)/.exec(source('lib/demo/join.sh'))?.[1]) / 60)} minutes`,
  ],
  'docs/pipeline.md': [
    `do not answer for ${word(Number(/timeout: Duration\.days\((\d+)\)/.exec(source('lib/pipeline-stack.ts'))?.[1]))} days`,
    `expire after ${word(artifactDays)} days`,
  ],
  'docs/serve.md': [
    `a body of at most ${constant('server/limits.ts', 'discardBytes') / 1024} KiB is read and thrown away`,
    `under way have \`server.drainTimeout\` (default \`${drainTimeout}\`) to finish`,
    `have been the same for ${constant('server/settled-file.ts', 'settledMs')} ms`,
    `collected for at most ${constant('server/lines.ts', 'flushMs')} ms`,
  ],
};

for (const [path, sentences] of Object.entries(said)) {
  test(`${path} gives the numbers of the code`, () => {
    const text = page(path).replace(/\s+/g, ' ');
    for (const sentence of sentences) assert.ok(text.includes(sentence), sentence);
  });
}

test('README.md gives the prices of docs/cost.md', () => {
  const cost = page('docs/cost.md');
  const [, listPrice] = /At list price a month of 1 M requests costs (\$[\d.]+)/.exec(cost) ?? [];
  const [, afterAllowances] = /free allowances.*? it costs (\$[\d.]+)/.exec(cost) ?? [];
  const [, fixed] = /what is due without any is (\$[\d.]+)\./.exec(cost) ?? [];
  const readme = page('README.md');
  assert.ok(readme.includes(`| ${afterAllowances} / ${listPrice} |`), `${afterAllowances} / ${listPrice}`);
  assert.ok(readme.includes(`${fixed} are due without any request`), fixed);
});
