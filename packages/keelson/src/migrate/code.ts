/** Loads a revision written in TypeScript: imports its file and checks what it exports. */
import { basename, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { KeelsonError } from '../errors.ts';
import { invalid } from './failure.ts';
import { parseName } from './file-name.ts';
import { checksumOf, normalise, type Revision } from './revision.ts';
import type { RevisionFunction, RevisionSettings, RevisionSql } from './revision-code.ts';

const EXAMPLE =
  'It is `export async function up(sql: RevisionSql): Promise<void> { … }`, the same with `down`, and, where needed, `export const settings = { … } satisfies RevisionSettings`.';
const ALLOWED: Readonly<Record<'phase' | 'transaction', readonly string[]>> = { phase: ['expand', 'contract'], transaction: ['on', 'off'] };

/**
 * Reads a revision in TypeScript. Its module is imported, so it should do nothing by that.
 *
 * @throws MIGRATION_INVALID naming the file, and what to do
 */
export async function loadRevision(file: string, source: string): Promise<Revision> {
  const name = parseName(basename(file));
  if (name === null) throw invalid(file, undefined, 'the name of a revision is YYYYMMDDTHHMM_slug.ts, with a slug of a-z, 0-9 and _');
  const checksum = checksumOf(normalise(source));
  const exported = await importFrom(file, checksum);
  const settings = settingsOf(file, exported['settings']);
  const up = functionOf(exported['up']);
  if (up === undefined) throw refused(file, 'it exports no function `up`');
  const down = functionOf(exported['down']);
  const { irreversible } = settings;
  if (down === undefined && irreversible === undefined) {
    throw invalid(
      file,
      undefined,
      'it exports no function `down`',
      "Export one, or say why there is none: `export const settings = { irreversible: 'why' }`.",
    );
  }
  if (down !== undefined && irreversible !== undefined)
    throw refused(file, 'it is marked irreversible and exports `down`; remove one of the two');
  return {
    ...name,
    file,
    up: [],
    down: [],
    lines: { up: [], down: [] },
    checksum,
    transaction: settings.transaction !== 'off',
    irreversible: irreversible !== undefined,
    irreversibleReason: irreversible,
    phase: settings.phase ?? 'expand',
    replaces: [],
    code: { up, down },
  };
}

async function importFrom(file: string, checksum: string): Promise<Readonly<Record<string, unknown>>> {
  const url = pathToFileURL(resolve(file));
  // A module is kept by its address: what was changed since must not be taken from there.
  url.searchParams.set('checksum', checksum.slice(0, 16));
  try {
    return parseModule(await import(url.href));
  } catch (cause) {
    const what =
      cause instanceof Error ? `it cannot be loaded: ${cause.message.split('\n', 1)[0]?.replace(/\.$/, '')}` : 'it cannot be loaded';
    const failure = invalid(file, undefined, what, 'Correct the file; a revision does not depend on files that change or go away.');
    failure.cause = cause;
    throw failure;
  }
}

function settingsOf(file: string, value: unknown): RevisionSettings {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null) throw refused(file, '`settings` is no object');
  for (const [key, setting] of Object.entries(value)) {
    if (key === 'irreversible') {
      if (typeof setting !== 'string' || setting.trim() === '') throw refused(file, '`irreversible` is the reason, a text');
    } else if (key === 'phase' || key === 'transaction') {
      const allowed = ALLOWED[key];
      if (!allowed.includes(String(setting))) throw refused(file, `\`${key}\` is ${allowed.join(' or ')}, not ${JSON.stringify(setting)}`);
    } else throw refused(file, `\`${key}\` is not a setting of a revision`);
  }
  return parseSettings(value);
}

function refused(file: string, what: string): KeelsonError {
  return invalid(file, undefined, what, EXAMPLE);
}

/** A function that was found in a module, whatever it takes and gives. */
function functionOf(value: unknown): RevisionFunction | undefined {
  if (typeof value !== 'function') return undefined;
  return async (sql: RevisionSql): Promise<void> => {
    await Reflect.apply(value, undefined, [sql]);
  };
}

function parseModule(module: unknown): Readonly<Record<string, unknown>> {
  return module as Readonly<Record<string, unknown>>;
}

function parseSettings(value: object): RevisionSettings {
  return value;
}
