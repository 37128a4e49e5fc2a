/** Package files with other versions: only the versions change, not the form that somebody gave the file. */
import { KeelsonError } from '../errors.ts';
import { type Manifest, pinnedVersion, type Project, type Section, sections } from './deps-project.ts';

/** What each package shall be: a version, or left out of what is developed with. */
export type Targets = ReadonlyMap<string, string | null>;

/** The texts of the package files with these versions, each exact. */
export function rewritten({ manifests }: Project, targets: Targets): ReadonlyMap<string, string> {
  return new Map(manifests.map((manifest) => [manifest.file, manifest.isMember ? rewrite(manifest, targets) : manifest.text] as const));
}

function rewrite(manifest: Manifest, targets: Targets): string {
  let { text } = manifest;
  for (const section of sections) {
    for (const [name, spec] of Object.entries(manifest.needs[section])) {
      const target = targets.get(name);
      if (target === undefined || pinnedVersion(section, spec) === undefined) continue;
      if (target === null && section !== 'devDependencies') continue;
      if (target !== spec) text = replaced(text, { section, name, target });
    }
  }
  return text;
}

interface Change {
  readonly section: Section;
  readonly name: string;
  readonly target: string | null;
}

/** Replaces the text of one version; what is read from it afterwards says whether that was the right place. */
function replaced(text: string, change: Change): string {
  const wanted = parseObject(text);
  const needs = wanted[change.section];
  if (typeof needs !== 'object' || needs === null)
    throw new KeelsonError('MISUSE', { message: `A package file has no ${change.section}.` });
  const changed = { ...wanted, [change.section]: withChange(parseNeeds(needs), change) };
  const { section, name, target } = change;
  if (target !== null) {
    const start = text.indexOf(JSON.stringify(section));
    const entry = new RegExp(`(${escaped(JSON.stringify(name))}\\s*:\\s*)"(?:[^"\\\\]|\\\\.)*"`, 'u');
    const after = text.slice(start).replace(entry, (_all, key: string) => `${key}${JSON.stringify(target)}`);
    const attempt = `${text.slice(0, start)}${after}`;
    if (JSON.stringify(JSON.parse(attempt)) === JSON.stringify(changed)) return attempt;
  }
  const indent = /^\{\r?\n([ \t]+)/u.exec(text)?.[1] ?? 2;
  return `${JSON.stringify(changed, undefined, indent)}${/\s*$/u.exec(text)?.[0] ?? ''}`;
}

function withChange(needs: Readonly<Record<string, unknown>>, { name, target }: Change): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(needs).flatMap(([key, spec]) =>
      key !== name ? [[key, spec] as const] : target === null ? [] : [[key, target] as const],
    ),
  );
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  return JSON.parse(text) as Readonly<Record<string, unknown>>;
}

function parseNeeds(needs: object): Readonly<Record<string, unknown>> {
  return needs as Readonly<Record<string, unknown>>;
}

function escaped(text: string): string {
  return text.replaceAll(/[$()*+.?[\\\]^{|}]/gu, '\\$&');
}
