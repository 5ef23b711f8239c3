import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The certificates that the tailnet's API is trusted by: Node's own, those of `extraCas`, and the function's SSL_CERT_FILE,
 * as tailscaled trusts the control server.
 *
 * @returns undefined if there are only Node's own, which then are not read twice
 */
export function readAuthorities(
  extraCas: string,
  certFile: string | undefined,
): readonly string[] | undefined {
  const files = [...pemFiles(extraCas), ...(certFile ? [certFile] : [])];
  const extra = files.flatMap((file) => readIfPossible(file) ?? []);
  if (extra.length === 0) return undefined;
  return [...ownCertificates(), ...extra];
}

function pemFiles(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => /\.(pem|crt)$/.test(name))
      .map((name) => join(directory, name));
  } catch {
    return [];
  }
}

/** What cannot be read is not trusted; the connection then says so. */
function readIfPossible(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** Node before 22.15 cannot name those of NODE_EXTRA_CA_CERTS. */
function ownCertificates(): readonly string[] {
  const { getCACertificates, rootCertificates } = process.getBuiltinModule('node:tls');
  return typeof getCACertificates === 'function' ? getCACertificates('default') : rootCertificates;
}
