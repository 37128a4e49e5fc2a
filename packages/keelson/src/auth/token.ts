/** Access tokens: short-lived JWTs behind a gate that lets through only what this service could have written itself. */
import { JWTExpired } from 'jose/errors';
import { SignJWT } from 'jose/jwt/sign';
import { jwtVerify } from 'jose/jwt/verify';
import { type Clock, systemClock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import { newId } from '../id.ts';
import type { KeyRing, RingKey } from './key-ring.ts';

/** What a verified access token says. */
export interface AccessClaims {
  readonly userId: string;
  readonly sessionId: string;
  readonly tokenId: string;
  readonly issuedAtS: number;
  readonly expiresAtS: number;
}

/** A token on its way to the client. */
export interface SignedToken {
  readonly token: string;
  readonly expiresInS: number;
}

/** How access tokens are made and read. */
export interface AccessTokenOptions {
  readonly keys: KeyRing;
  readonly issuer: string;
  readonly audience: string;
  readonly lifetimeS: number;
  /** How far the clocks of two processes may differ; at most 5. */
  readonly leewayS?: number | undefined;
  /** How many verified tokens are remembered. */
  readonly verifiedMax?: number | undefined;
  readonly clock?: Clock | undefined;
}

const TOKEN_CHARACTERS_MAX = 1_024;
const LEEWAY_MAX_S = 5;
const VERIFIED_MAX = 2_000;
const TYPE = 'at+jwt';
const CLAIMS = ['iss', 'aud', 'sub', 'sid', 'jti', 'iat', 'exp'] as const;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/u;

/**
 * Signs and verifies access tokens.
 *
 * @see RFC 9068 (the form), RFC 8725 (the rules)
 * @example
 * import { AccessTokens, keyRing } from 'keelson/auth';
 * const keys = keyRing({ current: 'a-secret-of-at-least-32-bytes-kept-elsewhere' }, 'access-token');
 * const tokens = new AccessTokens({ keys, issuer: 'accounts', audience: 'accounts', lifetimeS: 900 });
 * const { token } = await tokens.sign({ userId: '019aa1c8-0000-7000-8000-000000000001', sessionId: '019aa1c8-0000-7000-8000-000000000002' });
 * const { userId } = await tokens.verify(token);
 */
export class AccessTokens {
  readonly #options: AccessTokenOptions;
  readonly #clock: Clock;
  readonly #leewayS: number;
  readonly #verifiedMax: number;
  /** The first part of every token that this service writes, letter by letter: any other header is refused unread. */
  readonly #keyByHeader: ReadonlyMap<string, RingKey>;
  readonly #verified = new Map<string, AccessClaims>();

  /** @throws MISUSE for a leeway above 5 seconds */
  constructor(options: AccessTokenOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#leewayS = options.leewayS ?? LEEWAY_MAX_S;
    this.#verifiedMax = options.verifiedMax ?? VERIFIED_MAX;
    if (this.#leewayS > LEEWAY_MAX_S) {
      throw new KeelsonError('MISUSE', { message: `A leeway of ${this.#leewayS} s was asked for; at most ${LEEWAY_MAX_S} is allowed.` });
    }
    this.#keyByHeader = new Map(options.keys.all.map((key) => [encodedHeader(key), key]));
  }

  /** Makes a token for a session of a user. */
  async sign(subject: { readonly userId: string; readonly sessionId: string }): Promise<SignedToken> {
    const { issuer, audience, lifetimeS, keys } = this.#options;
    const iat = this.#nowS();
    const claims = { iss: issuer, aud: audience, sub: subject.userId, sid: subject.sessionId, jti: newId(), iat, exp: iat + lifetimeS };
    const token = await new SignJWT(claims).setProtectedHeader(header(keys.current)).sign(keys.current.key);
    return { token, expiresInS: lifetimeS };
  }

  /**
   * What a token says, once its signature, its times and its audience are right. A token that was verified is remembered until it expires.
   *
   * @throws TOKEN_EXPIRED when its time is over
   * @throws TOKEN_INVALID for everything else; the reason is in the error's `data`, never in the answer
   */
  async verify(token: string): Promise<AccessClaims> {
    const known = this.#verified.get(token);
    if (known !== undefined) {
      if (this.#nowS() < known.expiresAtS) return known;
      this.#verified.delete(token);
    }
    const claims = await this.#verifySignature(token, this.#gate(token));
    this.#remember(token, claims);
    return claims;
  }

  /** Refuses by form alone, before any library reads the token; gives the key that its header names. */
  #gate(token: string): RingKey {
    if (token.length > TOKEN_CHARACTERS_MAX) throw invalid('it is too long');
    const [first = '', ...rest] = token.split('.', 4);
    if (rest.length !== 2) throw invalid('it does not have three parts');
    const key = this.#keyByHeader.get(first);
    if (key === undefined) throw invalid('its header is not one that this service writes');
    if (!rest.every(isCanonical)) throw invalid('a part is not canonical base64url');
    return key;
  }

  async #verifySignature(token: string, key: RingKey): Promise<AccessClaims> {
    const { issuer, audience } = this.#options;
    let payload: Readonly<Record<string, unknown>>;
    try {
      ({ payload } = await jwtVerify(token, key.verifyingKey, {
        algorithms: [key.alg],
        typ: TYPE,
        issuer,
        audience,
        clockTolerance: this.#leewayS,
        currentDate: this.#clock.now(),
        requiredClaims: [...CLAIMS],
      }));
    } catch (cause) {
      if (cause instanceof JWTExpired) throw new KeelsonError('TOKEN_EXPIRED', { cause });
      throw invalid('its signature or its claims do not hold', cause);
    }
    // A member that stands there twice, or that is none of ours, is read by some and not by others: what this service writes has neither.
    if (!isAsWritten(token, payload)) throw invalid('its claims are not written as this service writes them');
    return this.#readClaims(payload);
  }

  #readClaims({ aud, sub, sid, jti, iat, exp }: Readonly<Record<string, unknown>>): AccessClaims {
    // A list of audiences passes the library; ours is always one.
    if (aud !== this.#options.audience) throw invalid('its audience is not a single one');
    if (!isUuid(sub) || !isUuid(sid) || !isUuid(jti)) throw invalid('an id in it is not a UUID');
    if (!isSecond(iat) || !isSecond(exp)) throw invalid('a time in it is not a whole second');
    if (iat > this.#nowS() + this.#leewayS) throw invalid('it was issued in the future');
    if (exp - iat > this.#options.lifetimeS) throw invalid('it lives longer than tokens do');
    return { userId: sub, sessionId: sid, tokenId: jti, issuedAtS: iat, expiresAtS: exp };
  }

  #remember(token: string, claims: AccessClaims): void {
    if (this.#verified.size >= this.#verifiedMax) {
      const oldest = this.#verified.keys().next();
      if (oldest.done !== true) this.#verified.delete(oldest.value);
    }
    this.#verified.set(token, claims);
  }

  #nowS(): number {
    return Math.floor(this.#clock.now().getTime() / 1_000);
  }
}

function header(key: RingKey): { alg: string; typ: string; kid: string } {
  return { alg: key.alg, typ: TYPE, kid: key.kid };
}

function encodedHeader(key: RingKey): string {
  return Buffer.from(JSON.stringify(header(key))).toString('base64url');
}

/** One text for one value: padding, spaces, other alphabets and left-over bits are refused. */
function isCanonical(part: string): boolean {
  return part !== '' && Buffer.from(part, 'base64url').toString('base64url') === part;
}

function isAsWritten(token: string, payload: Readonly<Record<string, unknown>>): boolean {
  const [, claims = ''] = token.split('.', 2);
  return Object.keys(payload).length === CLAIMS.length && Buffer.from(claims, 'base64url').toString() === JSON.stringify(payload);
}

function isUuid(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value);
}

function isSecond(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function invalid(reason: string, cause?: unknown): KeelsonError {
  return new KeelsonError('TOKEN_INVALID', { data: { reason }, cause });
}
