/** The schemes in which passwords are kept: each knows its own hashes by their prefix, and what they cost. */
/** The name of a scheme, as `PASSWORD_SCHEME` has it. */
export type PasswordSchemeName = 'bcrypt' | 'argon2id';

/** One way to keep passwords. */
export interface PasswordScheme {
  readonly name: PasswordSchemeName;
  /** How long a password may be that this scheme makes a hash of. */
  readonly bytesMax: number;
  /** A hash of the configured cost that no password is known for: who checks against it spends the same time as on a real one. */
  readonly dummy: string;
  /** What one hash takes on an ordinary core, until it is known better. */
  readonly hashMs: number;
  /** Whether a stored hash is of this scheme. */
  reads(stored: string): boolean;
  hash(password: string): Promise<string>;
  verify(password: string, stored: string): Promise<boolean>;
  /** Whether a hash of this scheme has the configured cost. */
  isCurrent(stored: string): boolean;
}

/** What a hash costs; the defaults are those of OWASP ASVS 5.0, appendix C. */
export interface PasswordCosts {
  /** 2^cost rounds. */
  readonly bcryptCost?: number | undefined;
  readonly argon2MemoryKib?: number | undefined;
  readonly argon2Passes?: number | undefined;
}

// Each package takes 4 to 5 MB once it is loaded: only those in use are, at the first password.
const bcrypt = () => import('@node-rs/bcrypt');
const argon2 = () => import('@node-rs/argon2');

// The package exports it as a const enum, which cannot be imported into modules that are compiled one by one.
const ARGON2ID = 2;
const ARGON2_BYTES_MAX = 512;
// bcrypt reads no byte after the 72nd, in every implementation.
const BCRYPT_BYTES_MAX = 72;
const BCRYPT_COST = 12;
// Measured at the default costs.
const BCRYPT_MS = 200;
const ARGON2_MS = 10;
const ARGON2_MEMORY_KIB = 19_456;
const ARGON2_PASSES = 2;
// The whole form, so that a damaged hash is read by nobody instead of failing the log-in.
const BCRYPT_HASH = /^\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}$/u;
const ARGON2_HASH = /^\$argon2id\$v=(?:16|19)\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{16,}$/u;
const BCRYPT_TAIL = 'N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy';
const ARGON2_TAIL = 'c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';

/** bcrypt, at cost 12 unless told otherwise. */
export function bcryptScheme(costs: PasswordCosts = {}): PasswordScheme {
  const cost = costs.bcryptCost ?? BCRYPT_COST;
  const costText = String(cost).padStart(2, '0');
  return {
    name: 'bcrypt',
    bytesMax: BCRYPT_BYTES_MAX,
    dummy: `$2b$${costText}$${BCRYPT_TAIL}`,
    hashMs: BCRYPT_MS * 2 ** (cost - BCRYPT_COST),
    reads: (stored) => BCRYPT_HASH.test(stored),
    hash: async (password) => (await bcrypt()).hash(password, { cost, rejectLongPasswords: true }),
    verify: async (password, stored) => (await bcrypt()).verify(password, stored),
    isCurrent: (stored) => stored.startsWith(costText, '$2b$'.length),
  };
}

/** argon2id, with 19 MiB and two passes unless told otherwise. */
export function argon2Scheme(costs: PasswordCosts = {}): PasswordScheme {
  const memoryCost = costs.argon2MemoryKib ?? ARGON2_MEMORY_KIB;
  const timeCost = costs.argon2Passes ?? ARGON2_PASSES;
  const options = { algorithm: ARGON2ID, memoryCost, timeCost, parallelism: 1 };
  const prefix = `$argon2id$v=19$m=${memoryCost},t=${timeCost},p=1$`;
  return {
    name: 'argon2id',
    bytesMax: ARGON2_BYTES_MAX,
    dummy: `${prefix}${ARGON2_TAIL}`,
    hashMs: (ARGON2_MS * memoryCost * timeCost) / (ARGON2_MEMORY_KIB * ARGON2_PASSES),
    reads: (stored) => ARGON2_HASH.test(stored),
    hash: async (password) => (await argon2()).hash(password, options),
    verify: async (password, stored) => (await argon2()).verify(stored, password),
    isCurrent: (stored) => stored.startsWith(prefix),
  };
}
