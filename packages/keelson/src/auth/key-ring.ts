/** The keys of the service: one signs, it and its predecessors verify, and each purpose has its own. */
import { createHash, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { KeelsonError } from '../errors.ts';

/** What a key may be used for; keys of two purposes have nothing in common, though they come from one secret. */
export type KeyPurpose = 'access-token' | 'refresh-token' | 'throttle';

/** One key with the name that stands in the header of what it signed. */
export interface RingKey {
  readonly kid: string;
  readonly alg: 'HS256';
  readonly key: KeyObject;
}

/** The key that signs, and all that verify, the signing one first. */
export interface KeyRing {
  readonly current: RingKey;
  readonly all: readonly RingKey[];
}

/** The secrets that keys are made from: `SECRET_KEY` and `SECRET_KEY_PREVIOUS`. */
export interface RingSecrets {
  readonly current: string;
  readonly previous?: readonly string[] | undefined;
}

const SECRET_BYTES_MIN = 32;
const KEY_BYTES = 32;
const KID_CHARACTERS = 12;

/**
 * Makes the keys for one purpose.
 *
 * @throws MISUSE for a secret of fewer than 32 bytes
 * @see RFC 5869 (HKDF); RFC 8725, section 3.5 (the length of keys)
 * @example
 * import { keyRing } from 'keelson/auth';
 * const keys = keyRing({ current: 'new-secret-of-at-least-32-bytes…', previous: ['old-secret-of-at-least-32-bytes…'] }, 'access-token');
 */
export function keyRing(secrets: RingSecrets, purpose: KeyPurpose): KeyRing {
  const current = ringKey(secrets.current, purpose);
  const previous = (secrets.previous ?? []).map((secret) => ringKey(secret, purpose));
  return { current, all: [current, ...previous] };
}

function ringKey(secret: string, purpose: KeyPurpose): RingKey {
  if (Buffer.byteLength(secret) < SECRET_BYTES_MIN) {
    throw new KeelsonError('MISUSE', { message: `A secret for keys has fewer than ${SECRET_BYTES_MIN} bytes.` });
  }
  const bytes = Buffer.from(hkdfSync('sha256', secret, '', `keelson/${purpose}`, KEY_BYTES));
  // The name is made from the key, so that it needs no setting, and says nothing about the secret behind the key.
  const kid = createHash('sha256').update(bytes).digest('base64url').slice(0, KID_CHARACTERS);
  return { kid, alg: 'HS256', key: createSecretKey(bytes) };
}
