/** Which tables a query of Kysely's writes, read from its tree. */

const targets: ReadonlyMap<unknown, string> = new Map([
  ['InsertQueryNode', 'into'],
  ['UpdateQueryNode', 'table'],
  ['DeleteQueryNode', 'from'],
  ['MergeQueryNode', 'into'],
]);

/** The names of the tables that a query writes, also in its common table expressions; raw SQL is not read. */
export function writtenTables(node: unknown): readonly string[] {
  const names: string[] = [];
  collect(node, names);
  return names;
}

function collect(node: unknown, names: string[]): void {
  if (typeof node !== 'object' || node === null) return;
  const target = 'kind' in node ? targets.get(node.kind) : undefined;
  for (const [key, child] of Object.entries(node)) {
    if (key === target) names.push(...tableNames(child));
    else collect(child, names);
  }
}

function tableNames(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  if ('kind' in node && node.kind === 'SchemableIdentifierNode' && 'identifier' in node) return nameOf(node.identifier);
  return Object.values(node).flatMap(tableNames);
}

function nameOf(identifier: unknown): string[] {
  return typeof identifier === 'object' && identifier !== null && 'name' in identifier && typeof identifier.name === 'string'
    ? [identifier.name]
    : [];
}
