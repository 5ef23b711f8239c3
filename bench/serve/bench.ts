import { execFileSync, spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MeasuredProcess } from '../process.ts';
import { type Bench, percentile, round } from '../runner.ts';
import { caddyBinary, type Peer, peersOf } from './peers.ts';

const rounds = 5;
const seconds = 5;
const connections = 32;
const secret = 'a secret of the bench';
const targetPort = 18_200;

interface Round {
  readonly requests: number;
  readonly cpuMicroseconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failed: number;
}

/** `postern serve` with three plugins against plain proxies: CPU time for one request, one proxy at a time on one core. */
export const serveBench: Bench = {
  name: 'serve',
  about: `1 KB signed POST through source-ip, webhook and authorize, against nginx and Caddy as plain proxies (${rounds} rounds of ${seconds} s each)`,
  missing() {
    for (const program of ['wrk', 'nginx', 'taskset']) {
      if (spawnSync('which', [program]).status !== 0)
        return `${program} is not installed (apt-get install wrk nginx-light util-linux)`;
    }
    return caddyBinary() === undefined ? 'Go is not installed, and Caddy is built from source' : undefined;
  },
  async run() {
    const folder = mkdtempSync(join(tmpdir(), 'postern-bench-'));
    const target = await startTarget(folder);
    const peers = peersOf(folder, targetPort, secret);
    const measured = new Map<string, Round[]>(peers.map(({ name }) => [name, []]));
    try {
      const script = writeRequest(folder);
      for (let round = 0; round < rounds; round += 1) {
        for (const peer of peers) measured.get(peer.name)?.push(await measure(peer, script));
      }
    } finally {
      await target.stop();
      rmSync(folder, { recursive: true });
    }
    const median = (name: string, key: keyof Round) =>
      percentile(
        (measured.get(name) ?? []).map((one) => one[key]),
        0.5,
      );
    const cpu = (name: string) => median(name, 'cpuMicroseconds');
    const failed = [...measured.values()].flat().reduce((sum, one) => sum + one.failed, 0);
    return {
      method:
        'One proxy at a time on core 0, target (nginx) and wrk on core 1; CPU time of the proxy and its children from /proc over all requests of a round; medians of the rounds, taken in turn. Every proxy writes its access log.',
      figures: [
        {
          name: 'capacity, Postern / nginx',
          value: cpu('nginx') / cpu('postern'),
          unit: '×',
          goal: '>= 0.45',
        },
        {
          name: 'capacity, Postern / Caddy',
          value: cpu('caddy') / cpu('postern'),
          unit: '×',
          goal: '>= 1.8',
        },
        ...peers.flatMap(({ name }) => [
          { name: `${name}, CPU a request`, value: cpu(name), unit: 'µs' },
          { name: `${name}, p50`, value: median(name, 'p50Ms'), unit: 'ms' },
          { name: `${name}, p99`, value: median(name, 'p99Ms'), unit: 'ms' },
        ]),
        { name: 'requests that failed', value: failed, unit: '', goal: '<= 0' },
      ],
      raw: {
        versions: Object.fromEntries(peers.map(({ name, version }) => [name, version])),
        rounds: Object.fromEntries(measured),
      },
    };
  },
};

async function measure(peer: Peer, script: string): Promise<Round> {
  const proxy = await MeasuredProcess.start('0', peer.command, peer.port, { ...process.env, ...peer.env });
  try {
    load(peer.port, script, 1);
    const before = proxy.cpuSeconds();
    const { requests, p50Ms, p99Ms, failed } = load(peer.port, script, seconds);
    return {
      requests,
      p50Ms,
      p99Ms,
      failed,
      cpuMicroseconds: round(((proxy.cpuSeconds() - before) * 1e6) / requests),
    };
  } finally {
    await proxy.stop();
  }
}

function load(port: number, script: string, forSeconds: number): Omit<Round, 'cpuMicroseconds'> {
  const args = [
    '-c',
    '1',
    'wrk',
    '-t1',
    `-c${connections}`,
    `-d${forSeconds}s`,
    '--latency',
    '-s',
    script,
    `http://127.0.0.1:${port}/hooks/github`,
  ];
  const output = execFileSync('taskset', args, { encoding: 'utf8' });
  const line = output.split('\n').find((text) => text.startsWith('{'));
  if (line === undefined) throw new Error(`wrk printed no figures:\n${output}`);
  return JSON.parse(line);
}

/** wrk's script: the same signed request over and over; its last lines print the figures as JSON. */
function writeRequest(folder: string): string {
  const body = JSON.stringify({ ref: 'refs/heads/main', padding: 'x'.repeat(1024 - 40) }).slice(0, 1024);
  const signature = createHmac('sha256', secret).update(body).digest('hex');
  const file = join(folder, 'request.lua');
  writeFileSync(
    file,
    `wrk.method = "POST"
wrk.body = ${JSON.stringify(body)}
wrk.headers["Host"] = "hooks.example.com"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["X-GitHub-Event"] = "push"
wrk.headers["X-GitHub-Delivery"] = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
wrk.headers["X-Hub-Signature-256"] = "sha256=${signature}"
done = function(summary, latency)
  local e = summary.errors
  print(string.format('{"requests":%d,"p50Ms":%.3f,"p99Ms":%.3f,"failed":%d}', summary.requests,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, e.connect + e.read + e.write + e.status + e.timeout))
end
`,
  );
  return file;
}

/** The target behind every proxy: answers 200 with 1 KB, as fast as nginx can. */
async function startTarget(folder: string): Promise<MeasuredProcess> {
  const config = join(folder, 'target.conf');
  writeFileSync(
    config,
    `worker_processes 1;
error_log /dev/null;
pid ${join(folder, 'target.pid')};
daemon off;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 100000000;
  server {
    listen 127.0.0.1:${targetPort};
    location / { default_type text/plain; return 200 "${'x'.repeat(1024)}"; }
  }
}
`,
  );
  return MeasuredProcess.start('1', ['nginx', '-p', folder, '-c', config, '-e', '/dev/null'], targetPort);
}
