import { readdirSync } from 'node:fs';

/** Without all four tailscaled does not know that it is in Lambda, and takes a link-local address for no network. */
const lambdaMarks = [
  'AWS_LAMBDA_FUNCTION_NAME',
  'AWS_LAMBDA_FUNCTION_VERSION',
  'AWS_LAMBDA_INITIALIZATION_TYPE',
  'AWS_LAMBDA_RUNTIME_API',
];
const passedOn = [...lambdaMarks, 'PATH', 'TMPDIR', 'GOGC', 'GODEBUG', 'GOMAXPROCS', 'SSL_CERT_FILE'];

/**
 * The environment of tailscaled beside a function: nothing of the function's own but what is named here, no credentials, no key.
 *
 * @param extraCas where extra CAs lie as PEM files; need not exist
 */
export function daemonEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  extraCas: string,
): Readonly<Record<string, string>> {
  const own: Record<string, string> = {
    HOME: '/tmp',
    // Small requests cost the same as without; 50 bodies of 4 MB need half the memory.
    GOMEMLIMIT: env.GOMEMLIMIT || '48MiB',
    TS_NO_LOGS_NO_SUPPORT: 'true',
    TS_DISABLE_PORTMAPPER: 'true',
  };
  for (const name of passedOn) {
    const value = env[name];
    if (value !== undefined) own[name] = value;
  }
  const directories = certificateDirectories(env.SSL_CERT_DIR, extraCas);
  if (directories !== undefined) own.SSL_CERT_DIR = directories;
  return own;
}

/**
 * Sets SSL_CERT_DIR so that the extra CAs are trusted beside the system's.
 *
 * Go reads one bundle (SSL_CERT_FILE or the system's) and every file of these directories; naming a directory replaces
 * Go's own two, so they are named again (crypto/x509/root_unix.go).
 */
export function certificateDirectories(given: string | undefined, extraCas: string): string | undefined {
  let names: string[] = [];
  try {
    names = readdirSync(extraCas);
  } catch {
    // No such directory: no extra CAs.
  }
  if (!names.some((name) => /\.(pem|crt)$/.test(name))) return given;
  return `${given || '/etc/ssl/certs:/etc/pki/tls/certs'}:${extraCas}`;
}
