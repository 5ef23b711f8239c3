import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The instance's settings. Texts may be CDK tokens where a value is known only to CloudFormation. */
export interface DemoSettings {
  readonly region: string;
  readonly secretId: string;
  readonly controlUrl: string;
  readonly tailnetHostname: string;
  readonly tailnetTags: readonly string[];
  readonly port: number;
  readonly tailscaleVersion: string;
  readonly stack: string;
  /** The logical id of the instance, for the signal to CloudFormation. */
  readonly resource: string;
}

interface File {
  readonly path: string;
  readonly permissions: string;
  readonly content: string;
}

/** Each file in this folder that the instance gets: name, place, mode. */
const files = [
  ['setup.sh', '/opt/postern-demo/setup.sh', '0755'],
  ['join.sh', '/opt/postern-demo/join.sh', '0755'],
  ['server.py', '/opt/postern-demo/server.py', '0644'],
  ['postern-demo-join.service', '/etc/systemd/system/postern-demo-join.service', '0644'],
  ['postern-demo.service', '/etc/systemd/system/postern-demo.service', '0644'],
  ['tailscale.repo', '/etc/yum.repos.d/tailscale.repo', '0644'],
] as const;

/** The files as in the repository; an instance with other files is out of date. */
export function staticFiles(): readonly File[] {
  return files.map(([name, path, permissions]) => ({
    path,
    permissions,
    content: readFileSync(join(import.meta.dirname, name), 'utf8'),
  }));
}

/**
 * Gives the instance's user data: a cloud-config (JSON is YAML) that writes the files and runs setup.sh, once.
 *
 * Everybody who may describe the instance can read it, so it has only the name of the secret. EC2 allows 16 KiB.
 * https://cloudinit.readthedocs.io/en/latest/reference/modules.html#write-files
 */
export function demoUserData(settings: DemoSettings): string {
  const config = {
    write_files: [
      ...staticFiles(),
      { path: '/etc/postern-demo/settings', permissions: '0644', content: settingsFile(settings) },
    ],
    runcmd: [['/opt/postern-demo/setup.sh']],
  };
  return `#cloud-config\n${JSON.stringify(config)}\n`;
}

/** NAME='value' lines, which both the shell and systemd read; the stack has checked that no value has a quote. */
export function settingsFile(settings: DemoSettings): string {
  const values = {
    REGION: settings.region,
    SECRET_ID: settings.secretId,
    CONTROL_URL: settings.controlUrl,
    TAILNET_HOSTNAME: settings.tailnetHostname,
    TAGS: settings.tailnetTags.join(','),
    PORT: String(settings.port),
    TAILSCALE_VERSION: settings.tailscaleVersion,
    STACK: settings.stack,
    RESOURCE: settings.resource,
  };
  return Object.entries(values)
    .map(([name, value]) => `${name}='${value}'\n`)
    .join('');
}
