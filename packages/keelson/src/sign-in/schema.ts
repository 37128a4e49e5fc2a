/** Log-in and tokens on the wire. */
import * as Type from 'typebox';

const EMAIL_CHARACTERS_MAX = 254;
const PASSWORD_CHARACTERS_MAX = 1_024;
const ACCESS_TOKEN_CHARACTERS_MAX = 4_096;
const REFRESH_TOKEN_CHARACTERS_MAX = 1_024;
const SCOPE_CHARACTERS_MAX = 1_000;
/** An Ed25519 key is 43 characters in base64url. */
const KEY_CHARACTERS_MAX = 64;
/** The one that signs, and the former ones. */
const KEYS_MAX = 10;
/** As many as are listed at once. */
const SESSIONS_MAX = 100;

const Name = Type.String({ minLength: 1, maxLength: EMAIL_CHARACTERS_MAX });
const Secret = Type.String({ minLength: 1, maxLength: PASSWORD_CHARACTERS_MAX, format: 'password' });
const Ignored = Type.Optional(Type.String({ maxLength: SCOPE_CHARACTERS_MAX }));

/**
 * The password form of OAuth 2.0, so that the docs page's Authorize button works. It is this service's own log-in and no grant for other parties.
 *
 * @see RFC 6749, section 4.3.2; RFC 9700, section 2.4
 */
const PasswordForm = Type.Object({
  grantType: Type.Literal('password'),
  username: Name,
  password: Secret,
  scope: Ignored,
  clientId: Ignored,
  clientSecret: Ignored,
});

/** Who logs in: as JSON with an e-mail, or as the form with a user name that is the e-mail. */
export const Login = Type.Union([Type.Object({ email: Name, password: Secret }), PasswordForm]);

/** An e-mail as it is typed; it is trimmed and normalised after. */
export const Email = Type.String({ minLength: 3, maxLength: EMAIL_CHARACTERS_MAX, description: 'Compared without case.' });

/** A password as it is typed; nothing is trimmed or changed. How much is too much is said by `Passwords`, in bytes. */
export const Password = Secret;

/** A new password, and the proof that it is its owner who sets it. */
export const PasswordChange = Type.Object({ currentPassword: Password, newPassword: Password });

/** A refresh token on its way back. */
export const Refresh = Type.Object({ refreshToken: Type.String({ minLength: 1, maxLength: REFRESH_TOKEN_CHARACTERS_MAX }) });

/** The tokens of a session; times in seconds. */
export const TokenPair = Type.Object({
  accessToken: Type.String({ maxLength: ACCESS_TOKEN_CHARACTERS_MAX }),
  tokenType: Type.Literal('bearer'),
  expiresIn: Type.Integer(),
  refreshToken: Type.String({ maxLength: REFRESH_TOKEN_CHARACTERS_MAX }),
  refreshExpiresIn: Type.Integer(),
});

/** The session that a path names. */
export const SessionId = Type.Object({ id: Type.String({ format: 'uuid' }) });

/** The sessions of a user; `isCurrent` is the one that asks. */
export const SessionList = Type.Object({
  items: Type.Array(
    Type.Object({
      id: Type.String({ format: 'uuid' }),
      createdAt: Type.String({ format: 'date-time' }),
      refreshedAt: Type.String({ format: 'date-time' }),
      expiresAt: Type.String({ format: 'date-time' }),
      isCurrent: Type.Boolean(),
    }),
    { maxItems: SESSIONS_MAX },
  ),
});

/** The public keys of this service (RFC 7517): none when its tokens are signed and verified by one key. */
export const KeySet = Type.Object({
  keys: Type.Array(
    Type.Object({
      kty: Type.Literal('OKP'),
      crv: Type.Literal('Ed25519'),
      x: Type.String({ maxLength: KEY_CHARACTERS_MAX }),
      kid: Type.String({ maxLength: KEY_CHARACTERS_MAX }),
      use: Type.Literal('sig'),
      alg: Type.Literal('EdDSA'),
    }),
    { maxItems: KEYS_MAX },
  ),
});
