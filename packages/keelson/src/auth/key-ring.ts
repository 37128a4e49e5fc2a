/** The keys of the service: one signs, it and its predecessors verify, and each purpose has its own. */
import { createHash, createPrivateKey, createPublicKey, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { KeelsonError } from '../errors.ts';

/** What a key may be used for; keys of two purposes have nothing in common, though they come from one secret. */
export type KeyPurpose = 'access-token' | 'refresh-token' | 'throttle';

/** How a key signs. */
export type KeyAlgorithm = 'EdDSA' | 'HS256';

/** One key with the name that stands in the header of what it signed. */
export interface RingKey {
  readonly kid: string;
  readonly alg: KeyAlgorithm;
  /** Signs, and where one key does both, verifies. */
  readonly key: KeyObject;
  /** Verifies; for EdDSA the public half. */
  readonly verifyingKey: KeyObject;
}

/** A public key as others read it (RFC 7517, RFC 8037). */
export interface PublicJwk {
  readonly kty: 'OKP';
  readonly crv: 'Ed25519';
  readonly x: string;
  readonly kid: string;
  readonly use: 'sig';
  readonly alg: 'EdDSA';
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
/** What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410, section 7). */
const ED25519_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/**
 * Makes the keys for one purpose, all of one algorithm: nothing that the other one signed is ever accepted.
 *
 * @throws MISUSE for a secret of fewer than 32 bytes
 * @see RFC 5869 (HKDF); RFC 8032 (Ed25519); RFC 8725, section 3.5 (the length of keys)
 * @example
 * import { keyRing } from 'keelson/auth';
 * const keys = keyRing({ current: 'new-secret-of-at-least-32-bytes…', previous: ['old-secret-of-at-least-32-bytes…'] }, 'access-token');
 */
export function keyRing(secrets: RingSecrets, purpose: KeyPurpose, alg: KeyAlgorithm = 'HS256'): KeyRing {
  const make = (secret: string): RingKey => (alg === 'EdDSA' ? signingPair(secret, purpose) : sharedKey(secret, purpose));
  const current = make(secrets.current);
  const previous = (secrets.previous ?? []).map((secret) => make(secret));
  return { current, all: [current, ...previous] };
}

/** The public keys of a ring, for `/.well-known/jwks.json`; a key that signs and verifies at once is never among them. */
export function publicKeys(ring: KeyRing): readonly PublicJwk[] {
  return ring.all
    .filter(({ alg }) => alg === 'EdDSA')
    .map(({ kid, verifyingKey }) => ({
      kty: 'OKP',
      crv: 'Ed25519',
      x: verifyingKey.export({ format: 'jwk' }).x ?? '',
      kid,
      use: 'sig',
      alg: 'EdDSA',
    }));
}

function sharedKey(secret: string, purpose: KeyPurpose): RingKey {
  const bytes = derive(secret, `keelson/${purpose}`);
  const key = createSecretKey(bytes);
  return { kid: kidOf(bytes), alg: 'HS256', key, verifyingKey: key };
}

/** The same secret makes the same pair in every process, so that no key has to be kept or handed round. */
function signingPair(secret: string, purpose: KeyPurpose): RingKey {
  const seed = derive(secret, `keelson/${purpose}/ed25519`);
  const key = createPrivateKey({ key: Buffer.concat([ED25519_PREFIX, seed]), format: 'der', type: 'pkcs8' });
  const verifyingKey = createPublicKey(key);
  return { kid: kidOf(verifyingKey.export({ format: 'der', type: 'spki' })), alg: 'EdDSA', key, verifyingKey };
}

function derive(secret: string, label: string): Buffer {
  if (Buffer.byteLength(secret) < SECRET_BYTES_MIN) {
    throw new KeelsonError('MISUSE', { message: `A secret for keys has fewer than ${SECRET_BYTES_MIN} bytes.` });
  }
  return Buffer.from(hkdfSync('sha256', secret, '', label, KEY_BYTES));
}

// The name is made from the key, so that it needs no setting, and says nothing about the secret behind the key.
function kidOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('base64url').slice(0, KID_CHARACTERS);
}
