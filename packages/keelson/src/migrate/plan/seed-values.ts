/** Values that a column can hold: of its type, and such as its checks name. */
import { samplePattern } from './seed-pattern.ts';
import type { SeedColumn, SeedRule } from './seed-tables.ts';

/** How many different values a type offers. */
const VALUES = 6;

const numbers = (at: number): string => String(at + 1);
const day = (at: number): string => `2026-01-${String(at + 2).padStart(2, '0')}`;

/** The second text is longer than most columns are wide, so that cutting it is noticed; the others are numbers, which fit most types that texts become. */
const LONG = `Row 2${', and so on'.repeat(30)}`;
const texts = (at: number): string => (at === 1 ? LONG : String(at + 1));

/** Stands in a list for whatever text there is. */
const ANY_TEXT = '\0';

/** The second one has decimals, so that rounding is noticed. */
const decimals = (at: number): string => (at === 1 ? '2.25' : String(at + 1));

/** By the names of the catalog; `at` counts from 0. */
const byType: Readonly<Record<string, (at: number) => string>> = {
  int2: numbers,
  int4: numbers,
  int8: numbers,
  oid: numbers,
  money: numbers,
  numeric: decimals,
  float4: (at) => `${at + 1}.5`,
  float8: (at) => `${at + 1}.5`,
  bool: (at) => (at % 2 === 0 ? 'true' : 'false'),
  text: texts,
  varchar: texts,
  bpchar: texts,
  name: texts,
  citext: texts,
  char: texts,
  uuid: (at) => `00000000-0000-7000-8000-00000000000${at + 1}`,
  date: day,
  timestamp: (at) => `${day(at)} 12:00:00.25`,
  timestamptz: (at) => `${day(at)} 12:00:00.25+00`,
  time: (at) => `1${at}:00:00.25`,
  timetz: (at) => `1${at}:00:00.25+00`,
  interval: (at) => `${at + 1} days`,
  json: (at) => `{"row": ${at + 1}}`,
  jsonb: (at) => `{"row": ${at + 1}}`,
  bytea: (at) => `\\x0${at + 1}`,
  inet: (at) => `10.0.0.${at + 1}`,
  cidr: (at) => `10.0.${at + 1}.0/24`,
  macaddr: (at) => `08:00:2b:01:02:0${at + 1}`,
  macaddr8: (at) => `08:00:2b:01:02:03:04:0${at + 1}`,
  point: (at) => `(${at + 1},${at + 1})`,
  line: (at) => `{1,1,${at + 1}}`,
  lseg: (at) => `[(0,0),(${at + 1},1)]`,
  box: (at) => `(${at + 1},1),(0,0)`,
  path: (at) => `[(0,0),(${at + 1},1)]`,
  polygon: (at) => `((0,0),(${at + 1},1),(1,0))`,
  circle: (at) => `<(0,0),${at + 1}>`,
  tsvector: (at) => `'word${at + 1}'`,
  tsquery: (at) => `'word${at + 1}'`,
  xml: (at) => `<row>${at + 1}</row>`,
  pg_lsn: (at) => `0/${at + 1}`,
  int4range: (at) => `[${at * 10},${at * 10 + 5})`,
  int8range: (at) => `[${at * 10},${at * 10 + 5})`,
  numrange: (at) => `[${at * 10},${at * 10 + 5})`,
  daterange: (at) => `[${day(at * 2)},${day(at * 2 + 1)})`,
  tsrange: (at) => `[${day(at * 2)} 00:00:00,${day(at * 2 + 1)} 00:00:00)`,
  tstzrange: (at) => `[${day(at * 2)} 00:00:00+00,${day(at * 2 + 1)} 00:00:00+00)`,
  hstore: (at) => `row=>${at + 1}`,
  ltree: (at) => `row.n${at + 1}`,
};

/** What types are called in a column's definition, and in the catalog. */
const catalogNames: Readonly<Record<string, string>> = {
  smallint: 'int2',
  integer: 'int4',
  bigint: 'int8',
  real: 'float4',
  'double precision': 'float8',
  boolean: 'bool',
  'character varying': 'varchar',
  character: 'bpchar',
  'timestamp without time zone': 'timestamp',
  'timestamp with time zone': 'timestamptz',
  'time without time zone': 'time',
  'time with time zone': 'timetz',
};

const TEXTS: ReadonlySet<string> = new Set(['text', 'varchar', 'bpchar', 'name', 'citext']);
const NUMBERS: ReadonlySet<string> = new Set(['int2', 'int4', 'int8', 'numeric', 'float4', 'float8']);

/** Values to try in a column, likeliest first; `rules` are those that mention it. */
export function valuesOf(column: SeedColumn, rules: readonly SeedRule[], towards: readonly string[]): readonly string[] {
  const named = rules.filter((rule) => 'cfp'.includes(rule.kind)).flatMap((rule) => namedIn(rule.text, column));
  const plain = plainValues(column);
  // A text that becomes something else takes nothing else; one that stays a text may still need what its checks ask for.
  const all = [...named, ...towards, ...(towards.length > 0 && !towards.includes(ANY_TEXT) ? [] : plain)].filter(
    (value) => value !== ANY_TEXT,
  );
  const fitting = all.map((value) => cutTo(column, value));
  return [...new Set(column.isArray ? [...fitting.map(asArray), '{}'] : fitting)];
}

/** Values that fit a type by its name in a definition (`numeric(3,1)`), or none. */
export function valuesOfTypeName(definition: string): readonly string[] {
  const name = /^[a-z ]+?(?=\(|$| not null| default| collate)/u.exec(definition)?.[0]?.trim() ?? '';
  const make = byType[catalogNames[name] ?? name];
  if (make === undefined) return [];
  return TEXTS.has(catalogNames[name] ?? name) ? [...listOf(numbers), ANY_TEXT] : listOf(make);
}

/** Names of values in a list, as `'a', 'b'`. */
export function labelsIn(text: string): readonly string[] {
  return [...text.matchAll(/'((?:[^']|'')*)'/gu)].map((match) => (match[1] ?? '').replaceAll("''", "'"));
}

function plainValues(column: SeedColumn): readonly string[] {
  if (column.labels.length > 0) return column.labels;
  if (column.kind === 'c') return [`(${','.repeat(Math.max(column.attributes - 1, 0))})`];
  if (column.kind === 'm') return ['{}'];
  if (column.type === 'bit') return ['1'.repeat(Math.max(column.modifier, 1)), '0'.repeat(Math.max(column.modifier, 1))];
  if (column.type === 'varbit') return ['1', '0'];
  const make = byType[column.type];
  if (make === undefined) return column.kind === 'r' ? ['empty'] : ['1', '', 'a', '{}', '(1)', '[1]'];
  const values = listOf(make);
  if (column.type === 'numeric') return [...values, '0', '0.5', '100'];
  if (NUMBERS.has(column.type)) return [...values, '0', '100', '1000'];
  if (column.type === 'jsonb' || column.type === 'json') return [...values, '{}', '[]', '"a"'];
  return TEXTS.has(column.type)
    ? [...values, 'row@example.org', `0x${'a1'.repeat(20)}`, 'https://example.org/', 'Row', 'row', 'a', '']
    : values;
}

/** What a check names: its texts, its numbers and their neighbours, and texts that its patterns take. */
function namedIn(text: string, column: SeedColumn): readonly string[] {
  if (NUMBERS.has(column.type)) {
    const found = [...text.matchAll(/(?<![\w.'])'?(-?\d+(?:\.\d+)?)\b/gu)].map((match) => Number(match[1]));
    return found
      .flatMap((number) => [number, number + 1, number - 1])
      .filter(Number.isFinite)
      .map(String);
  }
  if (!TEXTS.has(column.type)) return labelsIn(text);
  return [...text.matchAll(/(!?~\*?\s*)?\(?'((?:[^']|'')*)'/gu)].flatMap(([, operator, quoted]) => {
    const literal = (quoted ?? '').replaceAll("''", "'");
    return operator?.startsWith('~') ? samplePattern(literal) : [literal];
  });
}

function listOf(make: (at: number) => string): readonly string[] {
  return Array.from({ length: VALUES }, (_, at) => make(at));
}

/** The catalog counts the length with the four bytes before it. */
function cutTo(column: SeedColumn, value: string): string {
  const isLimited = (column.type === 'varchar' || column.type === 'bpchar') && column.modifier > 4;
  return isLimited ? value.slice(0, column.modifier - 4) : value;
}

function asArray(value: string): string {
  return `{"${value.replaceAll(/["\\]/gu, '\\$&')}"}`;
}
