/** Rules about work on whole tables while others wait: tables written anew, indexes built, rows updated all at once. */
import type { IndexState } from './observe.ts';
import { bare, columnsOf, type Hit, isRewritten, type Step, type Touched, touchedTables } from './step.ts';

const WAIT = 'under ACCESS EXCLUSIVE: nobody reads or writes it until that is done';

/** Tables that the statement wrote anew. */
export function rewriteHits(step: Step): readonly Hit[] {
  if (step.statement.words[0] === 'truncate') return [];
  return touchedTables(step).flatMap((touched) => (isRewritten(touched) ? [rewriteHit(step, touched)] : []));
}

function rewriteHit(step: Step, { after: table }: Touched): Hit {
  const earlier = new Map(columnsOf(step.before, table.id).map((column) => [column.id, column]));
  const columns = columnsOf(step.after, table.id);
  const added = columns.find((column) => !earlier.has(column.id) && (column.default !== null || column.isIdentity));
  if (table.kind === 'materialized view') {
    return {
      rule: 'table-rewrite',
      message: `PostgreSQL fills ${table.name} anew ${WAIT}.`,
      safeWay: `-- with a unique index on ${table.name}, readers go on:\nrefresh materialized view concurrently ${table.name};`,
    };
  }
  if (added?.isGenerated === true) return generatedHit(table.name, added.name, added.type);
  if (added !== undefined) {
    const filled = added.isIdentity ? 'numbers for every row' : `the default ${added.default ?? ''}, computed for every row`;
    return {
      rule: 'volatile-default',
      message: `PostgreSQL writes the whole table ${table.name} anew ${WAIT}, since ${added.name} takes ${filled}.`,
      safeWay: [
        `alter table ${table.name} add column ${added.name} ${added.type};`,
        `alter table ${table.name} alter column ${added.name} set default ${added.default ?? '…'};`,
        ...inBatches(table.name, `${added.name} is null`, `${added.name} = …`),
      ].join('\n'),
    };
  }
  const retyped = columns.find((column) => (earlier.get(column.id)?.type ?? column.type) !== column.type);
  if (retyped === undefined) {
    const message = `PostgreSQL writes the whole table ${table.name} anew ${WAIT}.`;
    return {
      rule: 'table-rewrite',
      message,
      safeWay: `-- Run it while the service stands still, or on a copy of ${table.name} that takes its place.`,
    };
  }
  const from = earlier.get(retyped.id)?.type ?? '';
  const fresh = `${bare(retyped.name)}_new`;
  return {
    rule: 'table-rewrite',
    message: `PostgreSQL writes the whole table ${table.name} anew ${WAIT}, to make ${retyped.name} ${retyped.type} instead of ${from}.`,
    safeWay: [
      `alter table ${table.name} add column ${fresh} ${retyped.type};`,
      '-- write both columns in the code;',
      ...inBatches(table.name, `${fresh} is null`, `${fresh} = ${retyped.name}::${retyped.type}`),
      `-- then read the new one, and in a later revision with \`-- phase: contract\`:`,
      `alter table ${table.name} drop column ${retyped.name};`,
    ].join('\n'),
  };
}

function generatedHit(table: string, column: string, type: string): Hit {
  return {
    rule: 'table-rewrite',
    message: `PostgreSQL writes the whole table ${table} anew ${WAIT}, to compute ${column} for every row.`,
    safeWay: [
      `alter table ${table} add column ${column} ${type};`,
      `-- then a trigger that sets it for new rows, and batches for those that are there; from PostgreSQL 18 on also`,
      `-- \`generated always as (…) virtual\`, which stores nothing.`,
    ].join('\n'),
  };
}

/** Indexes that were built while nobody could write. */
export function indexHits(step: Step): readonly Hit[] {
  const { before, after, statement } = step;
  if (statement.words.includes('concurrently')) return [];
  const files = new Set([...before.indexes.values()].map((index) => index.file));
  const built = touchedTables(step).flatMap((touched) =>
    isRewritten(touched)
      ? []
      : [...after.indexes.values()]
          .filter((index) => index.table === touched.after.id && isBuilt(index, files, step))
          .map((index) => ({ touched, index })),
  );
  // Those of partitions go with that of the whole, unless it was there before, as when a partition is attached.
  const isWhole = built.some(({ index }) => index.file === '0');
  return built.filter(({ index }) => !(isWhole && index.isPartition)).map(({ touched, index }) => indexHit(step, touched, index));
}

function isBuilt(index: IndexState, files: ReadonlySet<string>, { before }: Step): boolean {
  return index.file === '0' ? !before.indexes.has(index.id) : !files.has(index.file);
}

function indexHit({ before, after }: Step, { after: table }: Touched, index: IndexState): Hit {
  const constraint = [...after.constraints.values()].find((one) => one.index === index.id && one.kind !== 'f');
  const definition = index.definition.replace(/^(CREATE (?:UNIQUE )?INDEX) /, '$1 CONCURRENTLY IF NOT EXISTS ');
  const message = `PostgreSQL reads the whole table ${table.name} to build ${index.name}, and nobody writes it until that is done.`;
  const own = '-- in a revision of its own with `-- transaction: off` above `-- up`:';
  if (before.indexes.has(index.id))
    return { rule: 'index-blocks-writes', message, safeWay: `${own}\nreindex index concurrently ${index.name};` };
  if (table.kind === 'partitioned') {
    const parent = index.definition.replace(/ ON (?:ONLY )?/, ' ON ONLY ');
    const way = [`${parent};`, `-- then, for each partition, ${own.slice(3)}`, 'create index concurrently … on <partition> …;'];
    return { rule: 'index-blocks-writes', message, safeWay: [...way, `alter index ${index.name} attach partition …;`].join('\n') };
  }
  if (constraint === undefined) return { rule: 'index-blocks-writes', message, safeWay: `${own}\n${definition};` };
  const kind = { p: 'primary key', u: 'unique' }[constraint.kind];
  if (kind === undefined) {
    return {
      rule: 'index-blocks-writes',
      message,
      safeWay: `-- ${constraint.definition} cannot be built beside writers: run it while few write.`,
    };
  }
  const end = `alter table ${table.name} add constraint ${constraint.name} ${kind} using index ${index.name};`;
  return { rule: 'index-blocks-writes', message, safeWay: `${own}\n${definition};\n-- then, in the next revision:\n${end}` };
}

/** Updates of every row that a table has. `counts` are the rows of the tables that the statement updated. */
export function backfillHits(step: Step, counts: ReadonlyMap<string, number>): readonly Hit[] {
  return touchedTables(step).flatMap(({ before, after }) => {
    const updated = after.updated - before.updated;
    const rows = counts.get(after.id) ?? 0;
    if (rows === 0 || updated < rows) return [];
    return [
      {
        rule: 'backfill-at-once' as const,
        message: `One transaction updates every row of ${after.name}: each stays locked until all are done, and the table grows to twice its size.`,
        safeWay: inBatches(after.name, '…', '…').join('\n'),
      },
    ];
  });
}

/** Every batch is a transaction of its own, and what a run that was cut has done is not done again. */
function inBatches(table: string, where: string, set: string): readonly string[] {
  return [
    `-- the rows that are there in batches, in a revision in TypeScript (\`migrate new --empty ts\`) with \`transaction: 'off'\`:`,
    `--   await sql.batched({`,
    `--     table: '${table}',`,
    `--     where: sql.part\`${where}\`,`,
    `--     run: (ids) => sql\`update ${table} set ${set} where id = any (\${ids})\`,`,
    '--   });',
  ];
}
