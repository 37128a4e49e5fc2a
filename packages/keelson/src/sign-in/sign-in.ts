/** Signing in: passwords become sessions, sessions become tokens, and tokens tell who is asking. */
import type { ListedSession, LiveSession } from '../auth/session.ts';
import type { Attempt } from '../auth/throttle.ts';
import type { PublicJwk } from '../auth/key-ring.ts';
import { isKeelsonError, KeelsonError } from '../errors.ts';
import type { Log } from '../log.ts';
import { normaliseEmail } from './email.ts';
import type { SignInParts, SignInUser } from './parts.ts';
import type { SelectPrincipal, SessionPrincipal } from './principal.ts';
import type { Credentials } from './user-accounts.ts';

/** What signing in is built on: its parts, the users, and the query that finds who is asking. */
export interface SignInOptions<P extends SessionPrincipal> extends SignInParts<SignInUser> {
  readonly users: { findByEmail(email: string): Promise<Credentials | null> };
  readonly principal: SelectPrincipal<P>;
}

/** Where a call comes from, and where it is logged. */
export interface Caller {
  /** As the server sees it, past the proxies that it trusts. */
  readonly address: string;
  readonly log: Log;
}

/** The tokens of a session. */
export interface Tokens {
  readonly accessToken: string;
  readonly tokenType: 'bearer';
  readonly expiresIn: number;
  readonly refreshToken: string;
  readonly refreshExpiresIn: number;
}

/** Who changes a password, and from what to what. */
export interface PasswordChange {
  readonly principal: SessionPrincipal;
  readonly caller: Caller;
  readonly currentPassword: string;
  readonly newPassword: string;
}

const BEARER = /^Bearer +(\S+)$/iu;

/** Logs in and out, and says who is asking. */
export class SignIn<P extends SessionPrincipal = SessionPrincipal> {
  readonly #parts: SignInOptions<P>;

  constructor(parts: SignInOptions<P>) {
    this.#parts = parts;
  }

  /** Of the keys that sign access tokens. */
  get publicKeys(): readonly PublicJwk[] {
    return this.#parts.publicKeys;
  }

  /**
   * Begins a session for whoever knows the password.
   *
   * @throws INVALID_CREDENTIALS when the e-mail or the password is wrong; which of them is not told, and takes the same time
   * @throws RATE_LIMITED after too many failures of this account at this address, or of the address
   * @throws SERVICE_UNAVAILABLE when too many log in at once
   * @throws FORBIDDEN when the user may not sign in
   */
  async login({ email, password }: { readonly email: string; readonly password: string }, caller: Caller): Promise<Tokens> {
    const { database, users, passwords, sessions, throttle } = this.#parts;
    const attempt = { account: accountOf(email), address: caller.address };
    // In one turn: who gets none is refused before the database is asked.
    const { found, matches, isRehashDue } = await passwords.inTurn(async (verify) => {
      await database.read(({ sql }) => throttle.admit(sql, attempt));
      const user = await users.findByEmail(email);
      return { found: user, ...(await verify(password, user?.passwordHash ?? null)) };
    });
    if (found === null || !matches) throw await this.#failed(attempt, found?.id ?? null, caller);
    const rehash = isRehashDue ? await passwords.hash(password) : undefined;
    const session = await database.work(
      async (unit) => {
        // Locked, so that a change of the password and the end of an account come before this session or after it, and never between.
        const user = await unit.users.get(found.id, { lock: true }).catch(refuseGone);
        if (user.passwordHash !== found.passwordHash) throw new KeelsonError('INVALID_CREDENTIALS');
        await throttle.succeed(unit.sql, attempt);
        refuseInactive(user);
        if (rehash !== undefined) user.passwordHash = rehash;
        return sessions.begin(unit.sql, user.id);
      },
      { name: 'auth.login' },
    );
    return this.#tokensOf(session);
  }

  /**
   * Exchanges a refresh token for a new pair; the old one is dead from then on, and whoever uses it again ends the session.
   *
   * @throws TOKEN_INVALID, TOKEN_EXPIRED, TOKEN_REUSED when it is not good any more
   * @throws FORBIDDEN when the user may not sign in
   */
  async refresh(refreshToken: string, { address, log }: Caller): Promise<Tokens> {
    const { database, sessions, audit } = this.#parts;
    const { session, refusal } = await database.work(
      async (unit) => {
        const rotation = await sessions.rotate(unit.sql, refreshToken);
        if (rotation.session !== undefined) refuseInactive(await unit.users.get(rotation.session.userId));
        else if (rotation.reused !== undefined) await audit.write(unit.sql, { action: 'token_reused', ...rotation.reused, address });
        return rotation;
      },
      { name: 'auth.refresh' },
    );
    // Only now: thrown inside the block it would take back that the session has ended.
    if (session === undefined) {
      if (isKeelsonError(refusal, 'TOKEN_REUSED')) log.warn('auth.token_reused', refusal.data);
      throw refusal;
    }
    return this.#tokensOf(session);
  }

  /** Ends the session of a refresh token, if it has one. */
  async logout(refreshToken: string): Promise<void> {
    const { database, sessions } = this.#parts;
    await database.work(({ sql }) => sessions.end(sql, refreshToken), { name: 'auth.logout' });
  }

  /**
   * Who is asking. The session is read on every call, so that a log-out and the end of an account act at once.
   *
   * @throws UNAUTHENTICATED without a token
   * @throws TOKEN_INVALID, TOKEN_EXPIRED when the token or its session is not good any more
   * @throws FORBIDDEN when the user may not sign in
   */
  async currentUser(authorization: string | undefined): Promise<P> {
    const { database, accessTokens, clock, principal } = this.#parts;
    const token = BEARER.exec(authorization ?? '')?.[1];
    if (token === undefined) throw new KeelsonError('UNAUTHENTICATED');
    const claims = await accessTokens.verify(token);
    const [user] = await database.read(({ sql }) => sql(principal(claims, clock.now())));
    if (user === undefined) throw new KeelsonError('TOKEN_INVALID', { message: 'The session has ended.' });
    refuseInactive(user);
    return user;
  }

  /**
   * Changes a password; every session but the one that asks is over from the next call on.
   *
   * @throws INVALID_CREDENTIALS when the current password is not the one given
   * @throws RATE_LIMITED after too many wrong ones: a stolen access token does not help to guess it
   * @throws VALIDATION_ERROR when the new one may not be used
   */
  async changePassword({ principal, caller, currentPassword, newPassword }: PasswordChange): Promise<void> {
    const { database, passwords, sessions, throttle, audit } = this.#parts;
    const { id, sessionId, email } = principal;
    const attempt = { account: accountOf(email), address: caller.address };
    passwords.check(newPassword, { field: 'body.new_password', names: [email] });
    await database.read(({ sql }) => throttle.admit(sql, attempt));
    const before = await database.work(({ users }) => users.get(id), { name: 'auth.changePassword' });
    const { matches } = await passwords.verify(currentPassword, before.passwordHash);
    if (!matches) throw await this.#failed(attempt, id, caller, wrongPassword());
    const passwordHash = await passwords.hash(newPassword, 'body.new_password');
    await database.work(
      async (unit) => {
        // Locked, so that of two changes at once the second finds that its current password is none any more.
        const user = await unit.users.get(id, { lock: true });
        if (user.passwordHash !== before.passwordHash) throw wrongPassword();
        user.passwordHash = passwordHash;
        await throttle.succeed(unit.sql, attempt);
        await audit.write(unit.sql, { action: 'password_changed', userId: id, actorId: id, sessionId, address: caller.address });
        await sessions.endAll(unit.sql, { userId: id, reason: 'password_changed', except: sessionId });
      },
      { name: 'auth.changePassword' },
    );
  }

  /** The sessions of whoever asks, the newest first. */
  async listSessions({
    id,
    sessionId,
  }: Pick<SessionPrincipal, 'id' | 'sessionId'>): Promise<readonly (ListedSession & { readonly isCurrent: boolean })[]> {
    const { database, sessions } = this.#parts;
    const listed = await database.read(({ sql }) => sessions.list(sql, id));
    return listed.map((session) => ({ ...session, isCurrent: session.id === sessionId }));
  }

  /**
   * Ends one session of whoever asks; also the one that asks.
   *
   * @throws NOT_FOUND when they have no such session, or it has ended
   */
  async endSession({ id }: Pick<SessionPrincipal, 'id'>, sessionId: string): Promise<void> {
    const { database, sessions } = this.#parts;
    const hasEnded = await database.work(({ sql }) => sessions.endOne(sql, { userId: id, sessionId }), { name: 'auth.endSession' });
    if (!hasEnded) throw new KeelsonError('NOT_FOUND', { message: 'You have no such session.' });
  }

  /** Counts a wrong password and writes it down; gives what to answer with. */
  async #failed(attempt: Attempt, userId: string | null, { address, log }: Caller, told?: KeelsonError): Promise<KeelsonError> {
    const { database, throttle, audit } = this.#parts;
    const refusal = await database.work(
      async ({ sql }) => {
        const tooMany = await throttle.fail(sql, attempt);
        if (tooMany === null) await audit.write(sql, { action: 'login_failed', userId, address });
        return tooMany;
      },
      { name: 'auth.failed' },
    );
    log.warn('auth.login_failed', { user_id: userId, address, is_told: refusal === null });
    return refusal ?? told ?? new KeelsonError('INVALID_CREDENTIALS');
  }

  async #tokensOf({ userId, sessionId, refreshToken, refreshExpiresInS }: LiveSession): Promise<Tokens> {
    const { token, expiresInS } = await this.#parts.accessTokens.sign({ userId, sessionId });
    return { accessToken: token, tokenType: 'bearer', expiresIn: expiresInS, refreshToken, refreshExpiresIn: refreshExpiresInS };
  }
}

function refuseInactive({ isActive }: { readonly isActive: boolean }): void {
  if (!isActive) throw new KeelsonError('FORBIDDEN', { message: 'This account is not active.' });
}

/** A user who was removed while the password was checked is like one who never was. */
function refuseGone(cause: unknown): never {
  throw isKeelsonError(cause, 'NOT_FOUND') ? new KeelsonError('INVALID_CREDENTIALS', { cause }) : cause;
}

/** What is typed, in the form in which it is counted: all spellings of an e-mail are one account. */
function accountOf(email: string): string {
  return normaliseEmail(email) ?? email;
}

function wrongPassword(): KeelsonError {
  return new KeelsonError('INVALID_CREDENTIALS', { message: 'The current password is wrong.' });
}
