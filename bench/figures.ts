/** Medians, ratios, and tables as they are printed. */

/** The middle value; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The median of the ratios of each round: both sides of a ratio ran within the same seconds. */
export function medianRatio(values: readonly number[], references: readonly number[]): number {
  return median(values.map((value, index) => value / (references[index] ?? Number.NaN)));
}

/** A number with about three digits. */
export function short(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '–';
  if (value >= 100) return Math.round(value).toLocaleString('en-US');
  if (value >= 10) return value.toFixed(1);
  return value.toFixed(value >= 0.1 || value === 0 ? 2 : 3);
}

/** A table with its columns aligned, the first one to the left, and the numbers to the right; also valid Markdown. */
export function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`;
  const rule = `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

/** A target, what was measured, and whether it is met. */
export interface Target {
  readonly name: string;
  readonly measured: number;
  readonly limit: number;
  readonly sense: 'at most' | 'at least';
  readonly unit: string;
  readonly met: boolean;
}

/** Holds a figure against its target. */
export function target(name: string, measured: number, bound: Pick<Target, 'limit' | 'sense' | 'unit'>): Target {
  const met = bound.sense === 'at most' ? measured <= bound.limit : measured >= bound.limit;
  return { name, measured, ...bound, met };
}

/** Those targets that were measured: with few contenders chosen, some have nothing to be held against. */
export function measuredTargets(targets: readonly Target[]): readonly Target[] {
  return targets.filter(({ measured }) => !Number.isNaN(measured));
}

/** The targets, one a line. */
export function renderTargets(targets: readonly Target[]): string {
  return targets
    .map(
      ({ name, measured, limit, sense, unit, met }) =>
        `${met ? 'met   ' : 'MISSED'}  ${name}: ${short(measured)} ${unit} (${sense} ${limit})`,
    )
    .join('\n');
}
