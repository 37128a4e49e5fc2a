/** The diagram of a life cycle, as SVG made from its declaration: states, moves, and the ways back that only retries and recovery take. */
import { KeelsonError } from '../errors.ts';
import type { AnyLifeCycle } from './life-cycle.ts';

/** How a life cycle is drawn; colours and fonts are the page's. */
export interface DiagramOptions {
  /** From left to right, or from top to bottom for narrow screens. */
  readonly direction: 'across' | 'down';
  /** What the diagram shows, for those who cannot see it. */
  readonly label: string;
  /** Where a state leads to, when it is chosen. */
  readonly link?: ((state: string) => string) | undefined;
}

/** Sizes along the way that a row takes, and across it. */
interface Measures {
  readonly along: number;
  readonly across: number;
  readonly gapAlong: number;
  /** Between the way and the states beside it. */
  readonly gapAcross: number;
  /** A state beside the way is this wide across it. */
  readonly acrossBeside: number;
  /** Room for the arcs that go back. */
  readonly arcs: number;
}

const measures: Readonly<Record<DiagramOptions['direction'], Measures>> = {
  across: { along: 200, across: 92, gapAlong: 46, gapAcross: 60, acrossBeside: 92, arcs: 34 },
  down: { along: 58, across: 190, gapAlong: 28, gapAcross: 28, acrossBeside: 100, arcs: 22 },
};
const EDGE = 4;
const ROUND = 10;
const HEAD = 7;
/** Ways that share an end stand this far apart. */
const APART = 22;

const ORIGIN: Point = [0, 0];

/** A box, by its first corner. */
interface Box {
  readonly along: number;
  readonly across: number;
  readonly alongSize: number;
  readonly acrossSize: number;
}

/** A point: along the way, across it. */
type Point = readonly [along: number, across: number];

/**
 * Draws a life cycle: the usual way in one line, what is beside it beside it. Each state's count is a text with
 * `data-count="<state>"`, and where there is room for a few words one with `data-note`.
 *
 * @throws MISUSE when the life cycle has no states
 * @example
 * import { drawLifeCycle, enumType, lifeCycle, table, uuid } from 'keelson/schema';
 * const lampState = enumType('lamp_state', ['off', 'on', 'broken']);
 * const lamps = table('lamps', { id: uuid().primaryKey(), state: lampState().default('off') });
 * const cycle = lifeCycle(lamps.state, { off: ['on', 'broken'], on: ['broken'], broken: [] });
 * const svg = drawLifeCycle(cycle, { direction: 'across', label: 'The life of a lamp' });
 */
export function drawLifeCycle(cycle: AnyLifeCycle, options: DiagramOptions): string {
  const way = usualWay(cycle);
  const beside = Object.keys(cycle.edges).filter((state) => !way.includes(state));
  const boxes = place(cycle, way, { beside, sizes: measures[options.direction] });
  const drawing = new Drawing(options, boxes, way);
  const moves = [
    ...pairs(cycle.edges).map(([from, to]) => drawing.move(from, to, 'move')),
    ...pairs(cycle.redrive).map(([from, to]) => drawing.move(from, to, 'move is-redrive')),
  ];
  const states = [...boxes.keys()].map((state) => drawing.state(state, cycle.edges[state]?.length === 0));
  const [width, height] = drawing.size();
  return `<svg class="life-cycle is-${options.direction}" viewBox="0 0 ${width} ${height}" role="group" aria-label="${escape(options.label)}">
<g aria-hidden="true">
${moves.join('\n')}
</g>
${states.join('\n')}
</svg>`;
}

/** From the first state always the first move, as far as it goes. */
function usualWay({ edges }: AnyLifeCycle): readonly string[] {
  const way: string[] = [];
  let state = Object.keys(edges)[0];
  if (state === undefined) throw new KeelsonError('MISUSE', { message: 'A life cycle without states cannot be drawn.' });
  while (state !== undefined && !way.includes(state)) {
    way.push(state);
    state = edges[state]?.[0];
  }
  return way;
}

function pairs(edges: Readonly<Record<string, readonly string[] | undefined>>): (readonly [string, string])[] {
  return Object.entries(edges).flatMap(([from, targets = []]) => targets.map((to) => [from, to] as const));
}

function place(
  cycle: AnyLifeCycle,
  way: readonly string[],
  { beside, sizes }: { beside: readonly string[]; sizes: Measures },
): ReadonlyMap<string, Box> {
  const { along, across, gapAlong, gapAcross, acrossBeside, arcs } = sizes;
  const boxes = new Map<string, Box>();
  for (const [at, state] of way.entries()) {
    boxes.set(state, { along: EDGE + at * (along + gapAlong), across: EDGE + arcs, alongSize: along, acrossSize: across });
  }
  let freeAlong = EDGE;
  for (const state of beside) {
    const sources = way.flatMap((from, at) => (cycle.edges[from]?.includes(state) === true ? [at] : []));
    const middle = sources.length === 0 ? 0 : sources.reduce((sum, at) => sum + at, 0) / sources.length;
    const wished = EDGE + middle * (along + gapAlong);
    const start = Math.max(freeAlong, wished);
    boxes.set(state, { along: start, across: EDGE + arcs + across + gapAcross, alongSize: along, acrossSize: acrossBeside });
    freeAlong = start + along + gapAlong;
  }
  return boxes;
}

/** Puts boxes and ways into the coordinates of the picture. */
class Drawing {
  readonly #options: DiagramOptions;
  readonly #boxes: ReadonlyMap<string, Box>;
  readonly #way: readonly string[];

  constructor(options: DiagramOptions, boxes: ReadonlyMap<string, Box>, way: readonly string[]) {
    this.#options = options;
    this.#boxes = boxes;
    this.#way = way;
  }

  size(): Point {
    const all = [...this.#boxes.values()];
    return this.#turn([
      Math.max(...all.map((box) => box.along + box.alongSize)) + EDGE,
      Math.max(...all.map((box) => box.across + box.acrossSize)) + EDGE,
    ]);
  }

  state(state: string, isFinal: boolean): string {
    const box = this.#box(state);
    const [x, y] = this.#turn([box.along, box.across]);
    const [width, height] = this.#turn([box.alongSize, box.acrossSize]);
    const isTall = this.#options.direction === 'across' || !this.#way.includes(state);
    const texts = isTall
      ? `<text class="state-name" x="${x + 30}" y="${y + (height < 80 ? 21 : 31)}">${escape(state)}</text>
${height < 80 ? '' : `<text class="state-note" x="${x + width - 14}" y="${y + 31}" text-anchor="end" data-note="${escape(state)}"></text>`}
<text class="state-count" x="${x + 16}" y="${y + height - (height < 80 ? 12 : 20)}" data-count="${escape(state)}">–</text>`
      : `<text class="state-name" x="${x + 30}" y="${y + height / 2 + 5}">${escape(state)}</text>
<text class="state-count" x="${x + width - 14}" y="${y + height / 2 + 8}" text-anchor="end" data-count="${escape(state)}">–</text>`;
    const dotY = isTall ? y + (height < 80 ? 16 : 26) : y + height / 2;
    const inner = `<rect class="state-box" x="${x}" y="${y}" width="${width}" height="${height}" rx="12"/>
<circle class="state-dot" cx="${x + 19}" cy="${dotY}" r="4"/>
${texts}`;
    const facts = `class="state${isFinal ? ' is-final' : ''}" data-state="${escape(state)}"`;
    const { link } = this.#options;
    return link === undefined ? `<g ${facts}>${inner}</g>` : `<a ${facts} href="${escape(link(state))}">${inner}</a>`;
  }

  move(from: string, to: string, kind: string): string {
    const points = this.#points(from, to);
    const [last = ORIGIN, end = ORIGIN] = points.slice(-2);
    const facts = `class="${kind}" data-from="${escape(from)}" data-to="${escape(to)}"`;
    return `<g ${facts}><path class="line" d="${this.#line(points)}"/><path class="head" d="${this.#head(last, end)}"/></g>`;
  }

  /** The corners of a way from box to box. */
  #points(from: string, to: string): readonly Point[] {
    const [source, target] = [this.#box(from), this.#box(to)];
    const [start, end] = [this.#way.indexOf(from), this.#way.indexOf(to)];
    const [sourceMiddle, targetMiddle] = [middleOf(source), middleOf(target)];
    if (start >= 0 && end === start + 1) {
      const middle = source.across + source.acrossSize / 2;
      return [
        [source.along + source.alongSize, middle],
        [target.along, middle],
      ];
    }
    if (start >= 0 && end >= 0) {
      // Past other states, or back: an arc before the way.
      const top = EDGE + 6;
      const side = end < start ? -1 : 1;
      return [
        [sourceMiddle + side * APART * 0.5, source.across],
        [sourceMiddle + side * APART * 0.5, top],
        [targetMiddle - side * APART * 0.5, top],
        [targetMiddle - side * APART * 0.5, target.across],
      ];
    }
    if (end < 0) {
      // All that leads to a state beside the way comes together half way there.
      const half = (source.across + source.acrossSize + target.across) / 2;
      return [
        [sourceMiddle, source.across + source.acrossSize],
        [sourceMiddle, half],
        [targetMiddle, half],
        [targetMiddle, target.across],
      ];
    }
    const level = source.across + source.acrossSize / 2;
    const entry = targetMiddle - Math.min(APART, target.alongSize / 4);
    return [
      [source.along, level],
      [entry, level],
      [entry, target.across + target.acrossSize],
    ];
  }

  /** Straight from corner to corner, and round at each. */
  #line(points: readonly Point[]): string {
    const parts = points.map((point, at) => {
      const [before, after] = [points[at - 1], points[at + 1]];
      if (before === undefined) return `M${this.#text(point)}`;
      if (after === undefined) return `L${this.#text(towards(point, before, HEAD - 1))}`;
      const [into, out] = [towards(point, before, ROUND), towards(point, after, ROUND)];
      return `L${this.#text(into)}Q${this.#text(point)} ${this.#text(out)}`;
    });
    return parts.join('');
  }

  #head(from: Point, end: Point): string {
    const [baseAlong, baseAcross] = towards(end, from, HEAD);
    const isAlong = baseAcross === end[1];
    const half = HEAD * 0.62;
    const wings: readonly [Point, Point] = isAlong
      ? [
          [baseAlong, baseAcross - half],
          [baseAlong, baseAcross + half],
        ]
      : [
          [baseAlong - half, baseAcross],
          [baseAlong + half, baseAcross],
        ];
    return `M${this.#text(end)}L${this.#text(wings[0])}L${this.#text(wings[1])}Z`;
  }

  #box(state: string): Box {
    const box = this.#boxes.get(state);
    if (box === undefined) throw new KeelsonError('MISUSE', { message: `A move names ${state}, which is no state of the life cycle.` });
    return box;
  }

  #turn([along, across]: Point): Point {
    return this.#options.direction === 'across' ? [along, across] : [across, along];
  }

  #text(point: Point): string {
    return this.#turn(point)
      .map((number) => String(Math.round(number * 10) / 10))
      .join(' ');
  }
}

function middleOf(box: Box): number {
  return box.along + box.alongSize / 2;
}

/** The point so far from a point on the straight line to another, and never more than half of it. */
function towards([along, across]: Point, [toAlong, toAcross]: Point, distance: number): Point {
  const [alongRest, acrossRest] = [toAlong - along, toAcross - across];
  const length = Math.hypot(alongRest, acrossRest);
  const share = length === 0 ? 0 : Math.min(distance, length / 2) / length;
  return [along + alongRest * share, across + acrossRest * share];
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
