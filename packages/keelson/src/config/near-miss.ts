/** Names that are probably a setting written wrongly: told with the right name, so that no setting is ignored in silence. */

const nameLengthMax = 64;

/** The declared name that is probably meant by one that is not declared. */
export function nearestName(name: string, declared: readonly string[]): string | undefined {
  if (name.length > nameLengthMax) return undefined;
  const bare = name.replace(/^KEELSON_/i, '');
  const letters = onlyLetters(bare);
  const same = declared.find((known) => onlyLetters(known) === letters);
  if (same !== undefined) return same;
  let best: { readonly known: string; readonly distance: number } | undefined;
  for (const known of declared) {
    const distance = nearness(bare, known);
    if (distance !== undefined && (best === undefined || distance < best.distance)) best = { known, distance };
  }
  return best?.known;
}

function onlyLetters(name: string): string {
  return name.replaceAll(/[^a-z0-9]/gi, '').toUpperCase();
}

/** How many slips apart they are, if few enough for the name's length. Another number at the end is another name. */
function nearness(name: string, known: string): number | undefined {
  const slipsMax = known.length >= 10 ? 2 : known.length >= 5 ? 1 : 0;
  if (
    slipsMax === 0 ||
    Math.abs(name.length - known.length) > slipsMax ||
    (name.startsWith(known) && /^_?\d+$/.test(name.slice(known.length)))
  )
    return undefined;
  const distance = slips(name.toUpperCase(), known);
  return distance <= slipsMax ? distance : undefined;
}

/** Slips of the hand between two words: a letter too many, too few, another, or two exchanged. */
export function slips(a: string, b: string): number {
  let beforeLast: readonly number[] = [];
  let last: readonly number[] = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const other = a[row - 1] === b[column - 1] ? 0 : 1;
      const options = [(last[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, (last[column - 1] ?? 0) + other];
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1])
        options.push((beforeLast[column - 2] ?? 0) + 1);
      current.push(Math.min(...options));
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? 0;
}
