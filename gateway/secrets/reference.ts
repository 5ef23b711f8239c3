/** A reference to a secret, taken apart: `env:NAME`, `file:PATH`, `secretsmanager:ID[#key]` or `ssm:NAME`. */
export type SecretReference =
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'secretsmanager'; readonly id: string; readonly key: string | undefined }
  | { readonly kind: 'ssm'; readonly name: string };

/**
 * Takes a reference apart.
 *
 * @throws Error that says what a reference looks like, and not what was given: that may be the secret itself
 */
export function parseReference(text: string): SecretReference {
  const colon = text.indexOf(':');
  const kind = text.slice(0, Math.max(colon, 0));
  const rest = text.slice(colon + 1);
  if (rest !== '') {
    if (kind === 'env' && /^[A-Za-z_][A-Za-z0-9_]*$/.test(rest)) return { kind, name: rest };
    if (kind === 'file') return { kind, path: rest };
    if (kind === 'ssm') return { kind, name: rest };
    const [id = '', ...key] = rest.split('#');
    // A `#` cannot be in the name of a secret, but it can be in a key.
    if (kind === 'secretsmanager' && id !== '') return { kind, id, key: key.join('#') || undefined };
  }
  throw new Error(
    'this is no reference to a secret; write env:NAME, file:PATH, secretsmanager:ID[#key] or ssm:NAME',
  );
}
