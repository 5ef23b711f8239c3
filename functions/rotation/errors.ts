import { CodedError } from '../../base/coded-error.ts';
import { redact } from '../../base/redact.ts';

/** What can go wrong, and what to do about it. The codes are stable: they are in the log, in metrics and in the docs. */
const advice = {
  'rotation:misconfigured': "Set the function's variables as docs/rotation.md says",
  'rotation:event': 'Let Secrets Manager call this function, or send {"check":"expiry"}',
  'rotation:not-enabled': 'Turn on rotation for the secret, or take this function off it',
  'rotation:stale':
    'Nothing was changed. To make a new key, start a rotation: aws secretsmanager rotate-secret',
  'rotation:unfinished':
    'Nothing was changed. Finish the earlier rotation or give it up, as docs/rotation.md says',
  'rotation:store':
    "Check the role's permissions on the secret, its encryption key, and the way to Secrets Manager",
  'rotation:credentials': "Store the issuer's credentials as docs/rotation.md says",
  'rotation:unauthorized':
    'Make new credentials at the issuer and store them in their secret; the next rotation reads them',
  'rotation:forbidden': 'Give the OAuth client the scope auth_keys, with write access',
  'rotation:rate-limited': 'Rotate again after that time',
  'rotation:unreachable':
    'Check that the API is up and that the function has a way out to it, then rotate again',
  'rotation:unexpected': "Check the URL and the version of the issuer's API",
  'rotation:refused': 'Let the credentials give the tags that POSTERN_TAILNET_TAGS names, or name others',
  'rotation:no-key': 'Rotate again: aws secretsmanager rotate-secret',
  'rotation:key-dead': 'The version was given up and the current key stays; rotate again',
  'rotation:key-wrong': 'The version was given up and the current key stays; rotate again',
  'rotation:foreign': 'Remove AWSPENDING from that version, then rotate again',
} as const;

export type RotationCode = keyof typeof advice;

/** A rotation that cannot go on: a stable code, what happened and what to do. The current key stays valid. */
export class RotationError extends CodedError<RotationCode> {
  /** @param happened in one sentence, without a full stop; what looks like a secret is removed */
  constructor(code: RotationCode, happened: string) {
    super(code, redact(`${code}: ${happened}. ${advice[code]}.`));
  }
}
