/** The order of columns in tables that are made by statements of the comparer, which adds some of them after the table. */

const CREATE = /^(create table (?:"(?:[^"]|"")+"\.)?"(?:[^"]|"")+" \()([^]*)$/i;
const ADD = /^alter table ((?:"(?:[^"]|"")+"\.)?"(?:[^"]|"")+") add column ([^]+?);?$/i;

/** The statements with every column in the table that it belongs to, in the order that `orders` tells by the table's name (`app.hats`). */
export function withColumnsInOrder(statements: readonly string[], orders: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const added = new Map<string, string[]>();
  const made = new Set(statements.flatMap((statement) => tableMade(statement) ?? []));
  const left = statements.filter((statement) => {
    const [, table, column] = ADD.exec(statement) ?? [];
    if (table === undefined || column === undefined || !made.has(plain(table))) return true;
    added.set(plain(table), [...(added.get(plain(table)) ?? []), column]);
    return false;
  });
  return left.map((statement) => {
    const table = tableMade(statement);
    const [, head, rest] = CREATE.exec(statement) ?? [];
    if (table === undefined || head === undefined || rest === undefined) return statement;
    return `${head}${inOrder(rest, added.get(table) ?? [], orders.get(table) ?? [])}`;
  });
}

/** The names in a list such as `id, "Odd name"`. */
export function namesIn(list: string): readonly string[] {
  return splitList(list).items.map(nameOf);
}

function tableMade(statement: string): string | undefined {
  const [, head] = CREATE.exec(statement) ?? [];
  return head === undefined ? undefined : plain(head.replace(/^create table /i, '').replace(/ \($/, ''));
}

function inOrder(rest: string, added: readonly string[], order: readonly string[]): string {
  const { items, end } = splitList(rest);
  const columns = [...items.filter(isColumn), ...added];
  const constraints = items.filter((item) => !isColumn(item));
  const place = (item: string): number => order.indexOf(nameOf(item));
  return [...columns.toSorted((a, b) => place(a) - place(b)), ...constraints].join(', ') + rest.slice(end);
}

function isColumn(item: string): boolean {
  return item.startsWith('"');
}

/** The name at the beginning of a text, without its quotes. */
function nameOf(item: string): string {
  const [, quoted, bare] = /^(?:"((?:[^"]|"")*)"|([^\s"]+))/.exec(item) ?? [];
  return quoted?.replaceAll('""', '"') ?? bare ?? item;
}

/** The name of a table with its schema, without quotes. */
function plain(name: string): string {
  return name
    .split(/\.(?=")/)
    .map(nameOf)
    .join('.');
}

/** The parts between commas, up to the parenthesis that closes the list; commas in quotes and parentheses are not counted. */
function splitList(text: string): { readonly items: readonly string[]; readonly end: number } {
  const items: string[] = [];
  let depth = 0;
  let from = 0;
  let at = 0;
  for (; at < text.length && depth >= 0; at += 1) {
    const sign = text[at];
    if (sign === '"' || sign === "'") at = quoteEnd(text, at);
    else if (sign === '(' || sign === '[') depth += 1;
    else if (sign === ')' || sign === ']') depth -= 1;
    else if (sign === ',' && depth === 0) {
      items.push(text.slice(from, at).trim());
      from = at + 1;
    }
  }
  const end = depth < 0 ? at - 1 : at;
  items.push(text.slice(from, end).trim());
  return { items: items.filter((item) => item !== ''), end };
}

/** Where the quote that begins at a place ends; `E'…'` knows backslashes. */
function quoteEnd(text: string, begin: number): number {
  const isEscaped = /(?:^|\W)e$/i.test(text.slice(0, begin));
  let at = begin + 1;
  while (at < text.length && text[at] !== text[begin]) at += isEscaped && text[at] === '\\' ? 2 : 1;
  return at;
}
