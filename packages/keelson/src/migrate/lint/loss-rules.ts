/** Rules about what goes or gets another name while code that knows it still runs. */
import { bare, columnsOf, type Hit, isContract, type Step, touchedTables } from './step.ts';

const LATER = '-- in a later revision with `-- phase: contract` above `-- up`, when no code that runs knows it any more:';

/** Tables, columns and rows that are gone. */
export function lossHits(step: Step): readonly Hit[] {
  if (isContract(step)) return declaredHits(step);
  const hits: Hit[] = [];
  for (const table of step.before.tables.values()) {
    const holdsRows = table.kind === 'table' || table.kind === 'partitioned';
    if (!holdsRows || !step.existing.tables.has(table.id) || step.after.tables.has(table.id)) continue;
    const message = `The table ${table.name} and its rows are gone at once, and code that runs fails where it asks for them.`;
    hits.push({ rule: 'table-drop', message, safeWay: `${LATER}\ndrop table ${table.name};` });
  }
  for (const { before, after } of touchedTables(step)) {
    for (const column of columnsOf(step.before, before.id)) {
      if (!step.existing.columns.has(column.id) || step.after.columns.has(column.id)) continue;
      const message = `The column ${after.name}.${column.name} and its values are gone at once, and code that runs fails where it names it.`;
      hits.push({ rule: 'column-drop', message, safeWay: `${LATER}\nalter table ${after.name} drop column ${column.name};` });
    }
    const deleted = after.deleted - before.deleted;
    if (deleted === 0 && (step.statement.words[0] !== 'truncate' || before.file === after.file)) continue;
    const message = `Rows of ${after.name} are deleted; taking the revision back does not bring them again.`;
    hits.push({ rule: 'rows-deleted', message, safeWay: LATER.replace(':', ', and in batches where they are many.') });
  }
  return hits;
}

/** What the revision may take away, if only the code did not know it any more. */
function declaredHits({ existing, before, after, declared }: Step): readonly Hit[] {
  const gone = [...existing.tables.values()].filter(({ id }) => before.tables.has(id) && !after.tables.has(id)).map(({ name }) => name);
  for (const column of existing.columns.values()) {
    const table = after.tables.get(column.table);
    if (table !== undefined && before.columns.has(column.id) && !after.columns.has(column.id)) gone.push(`${table.name}.${column.name}`);
  }
  return gone
    .map((name) => name.replaceAll('"', ''))
    .filter((name) => declared.has(name))
    .map((name) => ({
      rule: 'still-declared',
      message: `${name} is taken away, but the tables of the code still declare it: code that runs asks for it.`,
      safeWay: `-- take ${name} out of the tables first, deploy that, and run this revision after it.`,
    }));
}

/** Tables, columns and values of enums with another name. */
export function renameHits(step: Step): readonly Hit[] {
  if (isContract(step)) return [];
  const hits: Hit[] = [];
  for (const { before, after } of touchedTables(step)) {
    if (before.name !== after.name) {
      const message = `Code that runs asks for ${before.name}, which is ${after.name} from then on, and fails until it is replaced.`;
      const way = `alter table ${before.name} rename to ${after.name};\ncreate view ${before.name} as select * from ${after.name};   -- drop it in a later revision`;
      hits.push({ rule: 'table-rename', message, safeWay: way });
    }
    for (const column of columnsOf(step.before, before.id)) {
      const renamed = step.after.columns.get(column.id);
      if (renamed === undefined || renamed.name === column.name || !step.existing.columns.has(column.id)) continue;
      hits.push(columnRename(after.name, { from: column.name, to: renamed.name, type: column.type }));
    }
  }
  return [...hits, ...valueRenames(step)];
}

function columnRename(table: string, { from, to, type }: { readonly from: string; readonly to: string; readonly type: string }): Hit {
  return {
    rule: 'column-rename',
    message: `Code that runs asks for ${table}.${from}, which is ${to} from then on, and fails until it is replaced.`,
    safeWay: [
      `alter table ${table} add column ${to} ${type};`,
      '-- write both in the code, fill the rows that are there in batches, read the new one, and then',
      LATER,
      `alter table ${table} drop column ${from};`,
    ].join('\n'),
  };
}

function valueRenames({ existing, before, after }: Step): readonly Hit[] {
  return [...before.enumValues.values()].flatMap((value) => {
    const renamed = after.enumValues.get(value.id);
    if (renamed === undefined || renamed.value === value.value || !existing.enumValues.has(value.id)) return [];
    return [
      {
        rule: 'enum-value-rename' as const,
        message: `Code that runs writes and expects ${bare(value.enumName)} ${JSON.stringify(value.value)}, which is ${JSON.stringify(renamed.value)} from then on.`,
        safeWay: [
          `alter type ${value.enumName} add value ${literal(renamed.value)};`,
          '-- commit',
          '-- let the code know both, move the rows in batches, and remove the old value in a revision with `-- phase: contract`.',
        ].join('\n'),
      },
    ];
  });
}

function literal(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}
