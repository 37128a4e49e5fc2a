/** Versions of packages and ranges of them, as semver has them: enough to choose among versions that a registry offers. */

/** A version in its parts. */
interface Version {
  readonly numbers: readonly [number, number, number];
  /** What stands after the hyphen, by its dots; a release has none. */
  readonly prerelease: readonly string[];
}

const pattern = /^v?(\d{1,15})\.(\d{1,15})\.(\d{1,15})(?:-([0-9A-Za-z.-]{1,200}))?(?:\+[0-9A-Za-z.-]{1,200})?$/u;

/** The parts of an exact version; nothing for what is none. */
export function versionOf(text: string): Version | undefined {
  const [, major, minor, patch, prerelease] = pattern.exec(text.trim()) ?? [];
  if (major === undefined || minor === undefined || patch === undefined) return undefined;
  return { numbers: [Number(major), Number(minor), Number(patch)], prerelease: prerelease?.split('.') ?? [] };
}

/** Whether a version is one that is not released yet. */
export function isPrerelease(text: string): boolean {
  return (versionOf(text)?.prerelease.length ?? 0) > 0;
}

/**
 * Below 0 when the first is the older one. What is no version is older than every version.
 *
 * @see https://semver.org/spec/v2.0.0.html#spec-item-11
 */
export function compareVersions(one: string, other: string): number {
  const [a, b] = [versionOf(one), versionOf(other)];
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined);
  for (const at of [0, 1, 2] as const) if (a.numbers[at] !== b.numbers[at]) return a.numbers[at] - b.numbers[at];
  if (a.prerelease.length === 0 || b.prerelease.length === 0) return b.prerelease.length - a.prerelease.length;
  return comparePrereleases(a.prerelease, b.prerelease);
}

function comparePrereleases(a: readonly string[], b: readonly string[]): number {
  for (const [at, one] of a.entries()) {
    const other = b[at];
    if (other === undefined) return 1;
    if (one === other) continue;
    const [isNumber, isOtherNumber] = [/^\d+$/u.test(one), /^\d+$/u.test(other)];
    if (isNumber && isOtherNumber) return Number(one) - Number(other);
    if (isNumber !== isOtherNumber) return isNumber ? -1 : 1;
    return one < other ? -1 : 1;
  }
  return a.length - b.length;
}

/** Whether a step may break what uses the package: another major, another minor below 1.0, another patch below 0.1. */
export function isMajorStep(from: string, to: string): boolean {
  const [a, b] = [versionOf(from)?.numbers, versionOf(to)?.numbers];
  if (a === undefined || b === undefined) return true;
  const at = a.findIndex((number) => number > 0);
  return a.slice(0, at === -1 ? undefined : at + 1).some((number, place) => number !== b[place]);
}

/**
 * Whether a version lies in a range, as `engines` writes ranges. A range that is not understood holds nothing back: npm has the last word.
 *
 * @see https://github.com/npm/node-semver#ranges
 */
export function satisfies(version: string, range: string): boolean {
  return range.split('||').some((alternative) => {
    const text = alternative
      .trim()
      .replaceAll(/([<>=~^]+)\s+/gu, '$1')
      .replace(/^(\S+)\s+-\s+(\S+)$/u, '>=$1 <=$2');
    return text.split(/\s+/u).every((comparator) => meets(version, comparator));
  });
}

function meets(version: string, comparator: string): boolean {
  const [, operator = '', major, minor, patch, rest = ''] =
    /^([<>]=?|=|~>?|\^)?v?(\d+|[xX*])?(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(-[0-9A-Za-z.-]+)?$/u.exec(comparator) ?? [];
  const said = [major, minor, patch].flatMap((part) => (part === undefined || /^[xX*]$/u.test(part) ? [] : [Number(part)]));
  if (said.length === 0) return true;
  const lowest = `${[0, 1, 2].map((at) => said[at] ?? 0).join('.')}${said.length === 3 ? rest : ''}`;
  // Everything that begins with the numbers that were said lies below this.
  const beyond = above(said, said.length - 1);
  const [low, high] = [compareVersions(version, lowest) >= 0, compareVersions(version, beyond) < 0];
  if (operator === '>=') return low;
  if (operator === '<') return !low;
  if (operator === '<=') return said.length === 3 ? compareVersions(version, lowest) <= 0 : high;
  if (operator === '>') return said.length === 3 ? compareVersions(version, lowest) > 0 : !high;
  if (operator === '^') {
    const first = said.findIndex((number) => number > 0);
    return low && compareVersions(version, above(said, first === -1 ? said.length - 1 : first)) < 0;
  }
  if (operator.startsWith('~')) return low && compareVersions(version, above(said, Math.min(1, said.length - 1))) < 0;
  return said.length === 3 ? compareVersions(version, lowest) === 0 : low && high;
}

/** The first version above all that agree up to and with one number; its own prereleases lie above too. */
function above(numbers: readonly number[], place: number): string {
  return `${[0, 1, 2].map((at) => (at < place ? (numbers[at] ?? 0) : at === place ? (numbers[at] ?? 0) + 1 : 0)).join('.')}-0`;
}
