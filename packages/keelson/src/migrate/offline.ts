/** Migrations as text for someone who runs them by hand: the same steps and history rows, each guarded against running out of turn. */
import { KeelsonError } from '../errors.ts';
import { literal, quoteName, quoteText } from '../schema/sql.ts';
import { refuseIrreversible } from './compare.ts';
import { HISTORY_TABLE, historyDdl } from './history.ts';
import { lockKey } from './lock.ts';
import { nameOf, placeOf } from './reference.ts';
import type { Direction, Revision } from './revision.ts';
import { settingsFor } from './session.ts';
import { checksumAfter, type Step, stepsOf } from './steps.ts';
import { keelsonVersion } from './version.ts';

/** What to write as text. */
export interface OfflineOptions {
  readonly revisions: readonly Revision[];
  readonly namespace: string;
  /** Where the database stands: the id of a revision, or `base`, which is the default. */
  readonly from?: string | undefined;
  /** Where it shall go: the id of a revision, `base`, or `head`, which is the default. */
  readonly to?: string | undefined;
}

const LOCK_TIMEOUT_MS = 3_000;

/** A step in the text. */
interface Place {
  readonly revision: Revision;
  readonly direction: Direction;
  readonly namespace: string;
  readonly steps: readonly Step[];
  readonly index: number;
  /** The revision that must be applied before this one; undefined for the first. */
  readonly before: Revision | undefined;
}

/**
 * The SQL that brings a database from one revision to another, the history rows included.
 *
 * @throws USAGE for a revision that there is not
 * @throws MIGRATION_INVALID when an irreversible one would have to be taken back, or one is written in TypeScript
 */
export function renderSql({ revisions, namespace, from = 'base', to = 'head' }: OfflineOptions): string {
  const start = placeOf(revisions, from);
  const end = placeOf(revisions, to);
  const direction: Direction = end >= start ? 'up' : 'down';
  const wanted = direction === 'up' ? revisions.slice(start + 1, end + 1) : revisions.slice(end + 1, start + 1).reverse();
  if (direction === 'down') refuseIrreversible(wanted);
  const code = wanted.find((revision) => revision.code !== undefined);
  if (code !== undefined) {
    throw new KeelsonError('MIGRATION_INVALID', {
      message: `${code.file} is TypeScript; there is no SQL to write of it.`,
      hint: `Write the SQL up to it and from it on, and run it by itself: keelson migrate up --to ${code.id}.`,
    });
  }
  const ddl = historyDdl(namespace, 'if not exists ');
  const lines = [
    `-- Keelson ${keelsonVersion}: ${direction} from ${from} to ${to}, namespace ${JSON.stringify(namespace)}.`,
    '-- Run it with `psql -v ON_ERROR_STOP=1 -f <this file>`; it stops where the database does not stand where it should.',
    ...(direction === 'up' && wanted.length > 0 ? ['', ddl.schema, ddl.table] : []),
  ];
  for (const revision of wanted) {
    const steps = stepsOf(revision, direction);
    const before = direction === 'up' ? revisions[revisions.indexOf(revision) - 1] : undefined;
    for (const index of steps.keys()) lines.push('', ...renderStep({ revision, direction, namespace, steps, index, before }));
  }
  return `${lines.join('\n')}\n`;
}

function renderStep(place: Place): string[] {
  const { revision, direction, namespace, steps, index } = place;
  const step = steps[index];
  const text = step === undefined || (step.statements.at(-1)?.text ?? ';').endsWith(';') ? (step?.text ?? '') : `${step.text}\n;`;
  const title = `-- ${nameOf(revision)}: ${direction}${steps.length > 1 ? `, part ${index + 1} of ${steps.length}` : ''}`;
  if (revision.transaction) {
    return [title, 'begin;', `${settingsFor(namespace, 'local', LOCK_TIMEOUT_MS)};`, guard(place), text, historyRow(place), 'commit;'];
  }
  const danger = '-- Danger: this statement runs outside a transaction; the row below it may be added only when it has succeeded.';
  return [title, danger, `${settingsFor(namespace, 'session', 0)};`, guard(place), text, historyRow(place), 'reset all;'];
}

function historyRow({ revision, direction, namespace, steps, index }: Place): string {
  const values = [
    revision.id,
    revision.slug,
    checksumAfter(revision, steps, index + 1),
    direction,
    index + 1,
    steps.length,
    null,
    keelsonVersion,
  ];
  return (
    `insert into ${quoteName(namespace)}.${HISTORY_TABLE} (id, slug, checksum, direction, part, parts, duration_ms, keelson_version)\n` +
    `values (${values.map(literal).join(', ')});`
  );
}

/** Stops the text when it is run twice, from the wrong place, or while another migrates. */
function guard({ revision, direction, namespace, index, before }: Place): string {
  const opposite = direction === 'up' ? 'down' : 'up';
  const expected = index === 0 ? opposite : `${direction} ${index}`;
  const message = `${nameOf(revision)} cannot run now: the history does not say "${expected}"`;
  const checks = [
    `  if not pg_try_advisory_xact_lock(${lockKey(namespace)}) then\n    raise exception 'another process is migrating';\n  end if;`,
    `  if ${standing(namespace, revision)} <> ${quoteText(expected)} then\n    raise exception using message = ${quoteText(message)};\n  end if;`,
  ];
  if (before !== undefined) {
    const missing = `${nameOf(before)} must be applied before ${nameOf(revision)}`;
    checks.push(`  if ${standing(namespace, before)} <> 'up' then\n    raise exception using message = ${quoteText(missing)};\n  end if;`);
  }
  const body = `begin\n${checks.join('\n')}\nend`;
  const tag = body.includes('$keelson$') ? quoteText(body) : `$keelson$\n${body}\n$keelson$`;
  return `do ${tag};`;
}

/** Where a revision stands: `up`, `down`, or with the number of parts when it stands half-way. */
function standing(namespace: string, revision: Revision): string {
  return (
    `coalesce((select case when part = parts then direction else direction || ' ' || part end\n` +
    `    from ${quoteName(namespace)}.${HISTORY_TABLE} where id = ${quoteText(revision.id)} order by seq desc limit 1), 'down')`
  );
}
