/** The headers that every answer carries: nothing is sniffed, framed, cached or passed on without a reason. */
import type { AppEnvironment } from '../config/declaration.ts';

const always = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
} as const;

/** The security headers of answers in an environment. */
export function securityHeaders(environment: AppEnvironment): Readonly<Record<string, string>> {
  const isPublic = environment === 'production' || environment === 'staging';
  return isPublic ? { ...always, 'strict-transport-security': 'max-age=31536000; includeSubDomains' } : always;
}
