/** Who may do what only an operator may. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { KeelsonError } from 'keelson/errors';

/** What is known of a call. */
export interface OperatorCall {
  readonly authorization: string | undefined;
  /** The address that the call comes from. */
  readonly address: string;
  readonly host: string | undefined;
  /** The page that calls, where a browser does. */
  readonly origin: string | undefined;
}

/** What operators are known by. */
export interface OperatorParts {
  readonly token: string | undefined;
  /** Whether calls from this machine need no token: in development. */
  readonly trustsLoopback: boolean;
}

const BEARER = /^Bearer +(\S+)$/iu;
const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|::1|::ffff:127(?:\.\d{1,3}){3})$/u;
const LOOPBACK_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/iu;

export class OperatorService {
  readonly #parts: OperatorParts;

  constructor(parts: OperatorParts) {
    this.#parts = parts;
  }

  /**
   * Lets an operator pass.
   *
   * @throws UNAUTHENTICATED without the operator's token, or with another
   */
  authorize(call: OperatorCall): void {
    const given = BEARER.exec(call.authorization ?? '')?.[1];
    if (given === undefined && call.authorization === undefined && this.#parts.trustsLoopback && isAtHome(call)) return;
    const { token } = this.#parts;
    if (given !== undefined && token !== undefined && isSame(given, token)) return;
    throw new KeelsonError('UNAUTHENTICATED', {
      message: 'Only an operator may do this.',
      hint: 'Send OPERATOR_TOKEN as a bearer token.',
    });
  }
}

// A browser on this machine would carry the calls of any page here: neither another origin nor a name that was bent to this address passes.
function isAtHome({ address, host, origin }: OperatorCall): boolean {
  if (!LOOPBACK.test(address) || host === undefined || !LOOPBACK_HOST.test(host)) return false;
  return origin === undefined || origin === `http://${host}` || origin === `https://${host}`;
}

// Hashed first, so that neither length nor content shows in the time it takes.
function isSame(given: string, expected: string): boolean {
  const digest = (value: string): Buffer => createHash('sha256').update(value).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
