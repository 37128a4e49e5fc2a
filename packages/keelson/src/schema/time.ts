/** Moments as PostgreSQL writes them, and as RFC 3339. */

const CODE_0 = 48;
const SPACE = 32;

/** How long a moment of PostgreSQL is without a fraction, `2026-11-20 09:50:00+00`, and what brings each length to milliseconds. */
const WHOLE_SECONDS = 22;
const padding: readonly (string | undefined)[] = ['.000', undefined, '00', '0'];

const ELSEWHERE =
  /^(?<moment>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?<fraction>\.\d+)?(?<sign>[+-])(?<hours>\d\d)(?::(?<minutes>\d\d))?(?::(?<seconds>\d\d))?$/u;

/** A moment from PostgreSQL's text in UTC (`2026-11-20 09:50:00.123456+00`) or from RFC 3339; microseconds are cut off. */
export function parseTime(text: string): Date {
  // The usual form, read digit by digit: eight times faster than Date's own parser.
  if (text.length >= 20 && text[4] === '-' && text[7] === '-' && (text.endsWith('+00') || text.endsWith('Z'))) {
    const year = digits(text, 0, 4);
    const date = new Date(
      Date.UTC(
        year,
        digits(text, 5, 2) - 1,
        digits(text, 8, 2),
        digits(text, 11, 2),
        digits(text, 14, 2),
        digits(text, 17, 2),
        milliseconds(text),
      ),
    );
    if (year < 100) date.setUTCFullYear(year);
    return date;
  }
  return parseRareTime(text);
}

/**
 * A timestamptz of PostgreSQL (ISO DateStyle, any time zone) as RFC 3339 in UTC with every digit of its fraction, three at least, as `Date` has it;
 * what RFC 3339 cannot say (`infinity`, years before 1 or after 9999) stays as it is.
 *
 * @see RFC 3339, section 5.6
 */
export function toRfc3339(text: string): string {
  if (text.length <= 29 && text.endsWith('+00') && text.charCodeAt(10) === SPACE) {
    return `${text.slice(0, 10)}T${text.slice(11, -3)}${padding[text.length - WHOLE_SECONDS] ?? ''}Z`;
  }
  const match = ELSEWHERE.exec(text)?.groups;
  if (match === undefined) return text;
  const { moment = '', fraction = '', sign = '', hours = '0', minutes = '0', seconds = '0' } = match;
  const offsetS = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
  const utcMs = Date.parse(`${moment.replace(' ', 'T')}Z`) - (sign === '-' ? -offsetS : offsetS) * 1000;
  const utc = new Date(utcMs).toISOString();
  return utc.length === 24 ? `${utc.slice(0, 19)}${(fraction === '' ? '.' : fraction).padEnd(4, '0')}Z` : text;
}

function digits(text: string, start: number, count: number): number {
  let value = 0;
  for (let index = start; index < start + count; index += 1) value = value * 10 + text.charCodeAt(index) - CODE_0;
  return value;
}

function milliseconds(text: string): number {
  if (text[19] !== '.') return 0;
  let value = 0;
  for (let index = 20; index < 23; index += 1) {
    const digit = text.charCodeAt(index) - CODE_0;
    value = value * 10 + (digit >= 0 && digit <= 9 ? digit : 0);
    if (!(digit >= 0 && digit <= 9)) return value * 10 ** (22 - index);
  }
  return value;
}

function parseRareTime(text: string): Date {
  const beforeChrist = /^(\d{4,})-(\d{2}-\d{2}) (.*)\+00 BC$/u.exec(text);
  if (beforeChrist !== null) {
    const [, year = '', day = '', time = ''] = beforeChrist;
    return new Date(`-${String(Number(year) - 1).padStart(6, '0')}-${day}T${time}Z`);
  }
  const distant = /^(\d{5,6})-(\d{2}-\d{2}) (.*)\+00$/u.exec(text);
  if (distant !== null) return new Date(`+${(distant[1] ?? '').padStart(6, '0')}-${distant[2] ?? ''}T${distant[3] ?? ''}Z`);
  return new Date(toRfc3339(text));
}
