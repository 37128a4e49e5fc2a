/** Which tables a revision can have to do with: only in these are rows of any use to its proof. */
import type { Connection } from '../../postgres/connection.ts';

/** What there is to go by. */
export interface TouchingWords {
  /** The statements. */
  readonly texts: readonly string[];
  /** The keys of a snapshot under which something changes. */
  readonly changed?: readonly string[] | undefined;
}

/** What moves rows, or may reach a table without naming it: everything counts as touched then. */
const FAR_REACHING =
  /\b(?:insert\s+into|delete\s+from|truncate|merge\s+into|update\b[^;]*\bset|call|copy|execute|(?:alter|drop)\s+(?:schema|extension)|pg_class|pg_tables|pg_attribute|information_schema)\b/iu;
/** A trigger that is made calls nothing yet. */
const TRIGGER_CALL = /\bexecute\s+(?:function|procedure)\s+(?:(?:"(?:[^"]|"")*"|[\w$]+)\s*\.\s*)?(?:"(?:[^"]|"")*"|[\w$]+)/giu;
const WORD = /"((?:[^"]|"")+)"|[\p{L}_][\p{L}\p{N}_$]*/gu;

/**
 * The tables named by these words, or made of what they name (types, functions, constraints, views); by their names with their schemas.
 * Undefined means that it could be any.
 */
export async function touchedTables(
  connection: Connection,
  { texts, changed = [] }: TouchingWords,
): Promise<ReadonlySet<string> | undefined> {
  const plain = texts.map((text) => text.replaceAll(TRIGGER_CALL, ' '));
  if (plain.some((text) => FAR_REACHING.test(text)) || changed.some((key) => /^(?:schema|extension) /u.test(key))) return undefined;
  const words = new Set([...plain, ...changed].flatMap(wordsOf));
  const { rows } = await connection.query({ text: TOUCHED, name: undefined, values: [JSON.stringify([...words])] });
  // A function that is called may do anything.
  if (rows.some(([kind]) => kind === 'function')) return undefined;
  return new Set(rows.map(([, place]) => place ?? ''));
}

/** Names as the catalogs have them, also those inside of other quotes. */
function wordsOf(text: string): readonly string[] {
  const words: string[] = [];
  for (const [whole, quoted] of text.matchAll(WORD)) {
    if (quoted === undefined) words.push(whole.toLowerCase(), whole);
    // What looks like a name in quotes may be a stretch between two strings.
    else words.push(quoted.replaceAll('""', '"'), ...wordsOf(quoted));
  }
  return words;
}

/**
 * From a type on to the tables that have it, by way of other types; from a constraint, index, trigger or policy to its table;
 * from a view to the tables that it reads; from a table to those that inherit from it, and it from.
 */
const TOUCHED = `
  with recursive word as materialized (select jsonb_array_elements_text($1::jsonb) as name),
  ours as materialized (select n.oid, n.nspname from pg_namespace as n where n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'),
  type_used as (
    select 'pg_type'::regclass::oid as classid, t.oid as objid from pg_type as t join ours as n on n.oid = t.typnamespace join word as w on w.name = t.typname
    union
    select 'pg_type'::regclass::oid, c.contypid from pg_constraint as c join word as w on w.name = c.conname where c.contypid <> 0
    union
    select d.classid, d.objid from type_used as u
    join pg_depend as d on d.refclassid = u.classid and d.refobjid = u.objid
    where u.classid <> 'pg_class'::regclass
  ),
  named as (
    select c.oid from pg_class as c join ours as n on n.oid = c.relnamespace join word as w on w.name = c.relname
    union select c.conrelid from pg_constraint as c join word as w on w.name = c.conname
    union select t.tgrelid from pg_trigger as t join word as w on w.name = t.tgname
    union select p.polrelid from pg_policy as p join word as w on w.name = p.polname
    union select u.objid from type_used as u where u.classid = 'pg_class'::regclass
    union select c.conrelid from type_used as u join pg_constraint as c on u.classid = 'pg_constraint'::regclass and c.oid = u.objid
    union select a.adrelid from type_used as u join pg_attrdef as a on u.classid = 'pg_attrdef'::regclass and a.oid = u.objid
  ),
  reached as (
    select n.oid from named as n
    union
    select x.oid from reached as r
    cross join lateral (
      select i.indrelid from pg_index as i where i.indexrelid = r.oid
      union all select h.inhparent from pg_inherits as h where h.inhrelid = r.oid
      union all select h.inhrelid from pg_inherits as h where h.inhparent = r.oid
      union all select d.refobjid from pg_depend as d
        where d.classid = 'pg_class'::regclass and d.objid = r.oid and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
      union all select d.refobjid from pg_rewrite as v
        join pg_depend as d on d.classid = 'pg_rewrite'::regclass and d.objid = v.oid and d.refclassid = 'pg_class'::regclass
        where v.ev_class = r.oid
    ) as x (oid)
  )
  select 'table', format('%I.%I', n.nspname, c.relname) from reached as r
  join pg_class as c on c.oid = r.oid and c.relkind in ('r', 'p', 'f')
  join ours as n on n.oid = c.relnamespace
  union all
  select 'function', p.proname from pg_proc as p join ours as n on n.oid = p.pronamespace join word as w on w.name = p.proname`;
