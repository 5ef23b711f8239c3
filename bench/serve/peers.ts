import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached } from '../../extension/layer/cache.ts';

/** A measured proxy: all forward the same requests to the same target. */
export interface Peer {
  readonly name: string;
  readonly version: string;
  readonly port: number;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Writes the configurations into `folder` and returns the commands that start the proxies. */
export function peersOf(folder: string, targetPort: number, secret: string): readonly Peer[] {
  return [postern(folder, targetPort, secret), nginx(folder, targetPort), caddy(folder, targetPort)];
}

function postern(folder: string, targetPort: number, secret: string): Peer {
  const port = 18_201;
  const config = join(folder, 'postern.yaml');
  writeFileSync(
    config,
    `services:
  target:
    targets: [{ url: "http://127.0.0.1:${targetPort}" }]
    transport: direct
routes:
  github:
    match: { hosts: [hooks.example.com], path: /hooks/github, methods: [POST] }
    service: target
    plugins:
      webhook: { provider: github, secret: env:BENCH_SECRET }
      authorize: { allow: "webhook.event in ['push', 'ping']" }
plugins:
  source-ip: { allow: [127.0.0.0/8] }
`,
  );
  const entry = fileURLToPath(new URL('../../bin/postern.ts', import.meta.url));
  const serve = [
    process.execPath,
    entry,
    'serve',
    '--config',
    config,
    '--listen',
    `127.0.0.1:${port}`,
    '--admin',
    `127.0.0.1:${port + 10}`,
  ];
  return {
    name: 'postern',
    version: process.version,
    port,
    command: ['sh', '-c', 'exec "$@" >"$0"', join(folder, 'postern.log'), ...serve],
    env: { BENCH_SECRET: secret },
  };
}

function nginx(folder: string, targetPort: number): Peer {
  const port = 18_202;
  const config = join(folder, 'nginx.conf');
  writeFileSync(
    config,
    `worker_processes 1;
error_log /dev/null;
pid ${join(folder, 'nginx.pid')};
daemon off;
events { worker_connections 1024; }
http {
  access_log ${join(folder, 'nginx.log')};
  keepalive_requests 100000000;
  upstream target { server 127.0.0.1:${targetPort}; keepalive 64; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://target; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`,
  );
  const version = spawnSync('nginx', ['-v'], { encoding: 'utf8' }).stderr.trim();
  return { name: 'nginx', version, port, command: ['nginx', '-p', folder, '-c', config, '-e', '/dev/null'] };
}

function caddy(folder: string, targetPort: number): Peer {
  const port = 18_203;
  const binary = caddyBinary() as string;
  const config = join(folder, 'Caddyfile');
  writeFileSync(
    config,
    `{
  admin off
  auto_https off
}
http://:${port} {
  bind 127.0.0.1
  log {
    output file ${join(folder, 'caddy.log')}
  }
  reverse_proxy 127.0.0.1:${targetPort}
}
`,
  );
  return {
    name: 'caddy',
    version: execFileSync(binary, ['version'], { encoding: 'utf8' }).trim(),
    port,
    command: [binary, 'run', '--config', config, '--adapter', 'caddyfile'],
    env: { GOMAXPROCS: '1', HOME: folder },
  };
}

/** Caddy, built once by Go from the module pinned in bench/caddy and kept in the cache. */
export function caddyBinary(): string | undefined {
  if (spawnSync('which', ['go']).status !== 0) return undefined;
  const module = fileURLToPath(new URL('../caddy', import.meta.url));
  const folder = cached('caddy-2.11.0', function build(making) {
    process.stdout.write('building Caddy, once …\n');
    const args = ['build', '-trimpath', '-ldflags', '-s -w', '-o', join(making, 'caddy')];
    const { status } = spawnSync('go', [...args, 'github.com/caddyserver/caddy/v2/cmd/caddy'], {
      cwd: module,
      env: { ...process.env, CGO_ENABLED: '0' },
      stdio: 'inherit',
    });
    if (status !== 0) throw new Error('go build of Caddy failed');
  });
  return join(folder, 'caddy');
}
