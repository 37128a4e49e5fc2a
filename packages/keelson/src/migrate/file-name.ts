/** The name of a revision's file, `YYYYMMDDTHHMM_slug.sql` or `.ts`: how it is read, made, and suggested where it is wrong. */
import { KeelsonError } from '../errors.ts';

/** What the name of a revision's file says. */
export interface RevisionName {
  /** `20261120T1030`: when it was made, in UTC; revisions run in this order. */
  readonly id: string;
  /** `add_nickname` */
  readonly slug: string;
}

const RULE = /^(\d{8}T\d{4})_([a-z0-9]+(?:_[a-z0-9]+)*)\.(?:sql|ts)$/;
const TIME = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})$/;
const TIME_LOOSE = /^(\d{4})[-_.]?(\d{2})[-_.]?(\d{2})(?:[-_.tT ]?(\d{2})[-_:h]?(\d{2})(?:[-_:]?\d{2}(?!\d))?)?(?=\D|$)/;
const SLUG_MAX = 100;

/** The id and the slug in a file's name, or null when the name does not keep the rule. */
export function parseName(name: string): RevisionName | null {
  const [, id = '', slug = ''] = RULE.exec(name) ?? [];
  return isTime(id) && slug.length <= SLUG_MAX ? { id, slug } : null;
}

/** The id of a revision made at a time, in UTC. */
export function idAt(time: Date): string {
  return time.toISOString().slice(0, 16).replaceAll(/[-:]/g, '');
}

/** A slug out of a person's words; null when there is no letter or digit in them. */
export function slugOf(words: string): string | null {
  const plain = words
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_');
  return plain.slice(0, SLUG_MAX).replaceAll(/^_+|_+$/g, '') || null;
}

/**
 * A slug out of a person's words.
 *
 * @throws USAGE when there is no letter or digit in them
 */
export function checkedSlug(words: string, hint = 'Say in a few words what it does, as in: add nickname.'): string {
  const slug = slugOf(words);
  if (slug !== null) return slug;
  throw new KeelsonError('USAGE', { message: `${JSON.stringify(words)} is no name for a revision: it has no letter or digit.`, hint });
}

/** The name that a wrongly named file should have; `time` stands in where the name tells none. */
export function suggestName(name: string, time: Date): string {
  const stem = name.replace(/\.(?:sql|ts)$/i, '');
  const told = TIME_LOOSE.exec(stem);
  const id = told === null ? '' : `${told[1]}${told[2]}${told[3]}T${told[4] ?? '00'}${told[5] ?? '00'}`;
  const rest = told === null ? stem.replace(/^[\d._-]+/, '') : stem.slice(told[0].length);
  return `${isTime(id) ? id : idAt(time)}_${slugOf(rest) ?? slugOf(stem) ?? 'revision'}.${/\.ts$/i.test(name) ? 'ts' : 'sql'}`;
}

function isTime(id: string): boolean {
  const [, year = '', month = '', day = '', hour = '', minute = ''] = TIME.exec(id) ?? [];
  const days = [31, isLeap(Number(year)) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][Number(month) - 1] ?? 0;
  return year !== '' && Number(day) >= 1 && Number(day) <= days && Number(hour) < 24 && Number(minute) < 60;
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}
