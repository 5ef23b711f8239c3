import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './process.ts';

/** A certificate authority that only the laboratory trusts, and one server's certificate. Paths of PEM files. */
export interface Pki {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Makes both in a new folder, valid for a day. */
export async function makePki(folder: string, addresses: readonly string[]): Promise<Pki> {
  mkdirSync(folder);
  const pki = {
    authority: join(folder, 'authority.pem'),
    certificate: join(folder, 'server.pem'),
    key: join(folder, 'server.key'),
  };
  const authorityKey = join(folder, 'authority.key');
  const request = ['openssl', 'req', '-x509', ...curve, '-days', '1'];
  await run([...request, '-subj', '/CN=Postern laboratory', '-keyout', authorityKey, '-out', pki.authority]);
  const names = addresses.map((address) => `IP:${address}`).join(',');
  await run([
    ...[...request, '-subj', `/CN=${addresses[0]}`, '-keyout', pki.key, '-out', pki.certificate],
    ...['-CA', pki.authority, '-CAkey', authorityKey, '-addext', `subjectAltName=${names}`],
    ...['-addext', 'basicConstraints=critical,CA:FALSE'],
  ]);
  return pki;
}
