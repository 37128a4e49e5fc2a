/** Passwords that everybody tries first: put together from common words, keyboard walks, repetitions and years, or from the user's own name. */
import { commonWords, walks } from './guess-words.ts';

/** Longer ones are put together from more than anybody lists. */
const CHARACTERS_MAX = 24;
const WALK_MIN = 3;
const REPEATED_MIN = 3;
/** So many characters that are nothing of the kind do not make a common password another one. */
const OWN_CHARACTERS_MAX = 3;
const NAME_CHARACTERS_MIN = 3;
const YEAR = /^(?:19|20)\d\d/u;

const words: ReadonlySet<string> = new Set(commonWords);
const wordLengthMax = Math.max(...commonWords.map((word) => word.length));
// One text, so that a piece is looked for once.
const allWalks = [...walks, ...walks.map((walk) => Array.from(walk).toReversed().join(''))].join('\n');

const LETTERS_BY_SIGN: Readonly<Record<string, string>> = {
  '@': 'a',
  '4': 'a',
  '3': 'e',
  '1': 'i',
  '!': 'i',
  '0': 'o',
  $: 's',
  '5': 's',
  '7': 't',
};

/** Whether a password is one of those that everybody tries first, in any case and with signs for letters. */
export function isCommonPassword(password: string): boolean {
  if (password.length > CHARACTERS_MAX) return false;
  const plain = password.toLowerCase();
  const spelt = plain.replaceAll(/[@4310!$57]/gu, (sign) => LETTERS_BY_SIGN[sign] ?? sign);
  return ownCharacters(plain, spelt) <= OWN_CHARACTERS_MAX;
}

/**
 * Whether a password is little more than a name of its user: without the name, fewer characters are left than a password must have.
 *
 * @param names the e-mail address, a user name: their parts count too
 */
export function isNamedAfter(password: string, names: readonly string[], lengthMin: number): boolean {
  const letters = lettersOf(password);
  const parts = names
    .flatMap((name) => [name.split('@', 1)[0] ?? '', ...name.split(/[^\p{L}\p{N}]+/u), name])
    .map((part) => lettersOf(part));
  return parts.some(
    (part) => part.length >= NAME_CHARACTERS_MIN && letters.includes(part) && letters.replaceAll(part, '').length < lengthMin,
  );
}

/** How few characters are left over when as many as possible are covered by what is common. */
function ownCharacters(plain: string, spelt: string): number {
  const fewest: number[] = [0];
  for (let start = 0; start < plain.length; start += 1) {
    const own = fewest[start] ?? 0;
    const lengths = [...commonLengths(plain, start), ...wordLengths(spelt, start)];
    for (const length of lengths) fewest[start + length] = Math.min(fewest[start + length] ?? Infinity, own);
    fewest[start + 1] = Math.min(fewest[start + 1] ?? Infinity, own + 1);
  }
  return fewest[plain.length] ?? 0;
}

/** The lengths of the words, walks, repetitions and years that begin at a place. */
function commonLengths(text: string, start: number): readonly number[] {
  const lengths = [...wordLengths(text, start)];
  let walk = WALK_MIN;
  while (start + walk <= text.length && allWalks.includes(text.slice(start, start + walk))) {
    lengths.push(walk);
    walk += 1;
  }
  let repeated = 1;
  while (start + repeated < text.length && text[start + repeated] === text[start]) repeated += 1;
  if (repeated >= REPEATED_MIN) lengths.push(repeated);
  if (YEAR.test(text.slice(start, start + 4))) lengths.push(4);
  return [...lengths, ...echoLengths(text, start)];
}

function wordLengths(text: string, start: number): readonly number[] {
  const lengths: number[] = [];
  for (let length = 4; length <= wordLengthMax && start + length <= text.length; length += 1) {
    if (words.has(text.slice(start, start + length))) lengths.push(length);
  }
  return lengths;
}

/** A piece of two to four characters that comes at least three times running: the whole run. */
function echoLengths(text: string, start: number): readonly number[] {
  const lengths: number[] = [];
  for (const size of [2, 3, 4]) {
    const piece = text.slice(start, start + size);
    let end = start + size;
    while (piece.length === size && text.startsWith(piece, end)) end += size;
    if (end - start >= size * REPEATED_MIN || (size === 4 && end - start === size * 2)) lengths.push(end - start);
  }
  return lengths;
}

function lettersOf(text: string): string {
  return text.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '');
}
