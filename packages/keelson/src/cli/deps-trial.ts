/** A copy of a project's package files in a folder of its own, in which npm tries versions out: nobody sees half of an update. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { misfitOf, type Npm, npmFailure } from './deps-npm.ts';
import { localPlaces, type Project } from './deps-project.ts';
import { rewritten, type Targets } from './deps-rewrite.ts';
import type { Resolution } from './deps-settle.ts';

const LOCK = 'package-lock.json';

/** The copy. */
export interface Copy extends Disposable {
  readonly folder: string;
  /** Resolves everything anew with these versions, what others need too. */
  readonly resolve: (targets: Targets) => Promise<Resolution>;
  /** Says why a clean install of what was resolved last would fail. */
  readonly refusal: () => Promise<string | undefined>;
}

/**
 * Makes the copy.
 *
 * @throws USAGE when a package lies outside of the project
 */
export function copyProject(project: Project, npm: Npm): Copy {
  const folder = mkdtempSync(path.join(tmpdir(), 'keelson-deps-'));
  try {
    for (const place of ['.npmrc', ...project.manifests.flatMap((manifest) => localPlaces(project.root, manifest))]) {
      const from = path.join(project.root, place);
      if (existsSync(from) && statSync(from).isFile()) cpSync(from, path.join(folder, place));
    }
    write(folder, rewritten(project, new Map()));
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  const version = /"lockfileVersion":\s*([23])/u.exec(project.lock.text)?.[1] ?? '3';
  let isFirst = true;
  const resolve = async (targets: Targets): Promise<Resolution> => {
    write(folder, rewritten(project, targets));
    rmSync(path.join(folder, LOCK), { force: true });
    // What was asked a moment ago need not be asked again.
    const freshness = isFirst ? '--prefer-online' : '--prefer-offline';
    isFirst = false;
    const left = await npm(['install', '--package-lock-only', `--lockfile-version=${version}`, freshness, ...quietly], folder);
    if (left.code === 0) return { lock: readFileSync(path.join(folder, LOCK), 'utf8') };
    const why = misfitOf(left);
    if (why === undefined) throw npmFailure('resolve the packages', left);
    return { why };
  };
  const refusal = async (): Promise<string | undefined> => {
    const left = await npm(['ci', '--dry-run', '--prefer-offline', ...quietly], folder);
    return left.code === 0 ? undefined : npmFailure('install from the new lock', left).message;
  };
  return { folder, resolve, refusal, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

const quietly = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];

function write(folder: string, texts: ReadonlyMap<string, string>): void {
  for (const [file, text] of texts) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), text);
  }
}
