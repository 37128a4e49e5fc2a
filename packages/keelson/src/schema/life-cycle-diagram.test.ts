/** The diagram of a life cycle: everything that is declared is drawn, nothing else is, and nothing overlaps. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import type { AnyLifeCycle } from './life-cycle.ts';
import { drawLifeCycle } from './life-cycle-diagram.ts';

const token: AnyLifeCycle = {
  column: 'status',
  edges: {
    detected: ['generating', 'failed'],
    generating: ['uploading', 'failed'],
    uploading: ['ready', 'failed'],
    ready: ['revealed', 'failed'],
    revealed: [],
    failed: [],
  },
  redrive: { failed: ['detected'], generating: ['detected'] },
};
const directions = ['across', 'down'] as const;
const label = 'A life';

function all(svg: string, pattern: RegExp): string[] {
  return [...svg.matchAll(pattern)].map(([, ...groups]) => groups.join(' '));
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly right: number;
  readonly bottom: number;
}

function boxesOf(svg: string): Box[] {
  return all(svg, /<rect class="state-box" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/gu).map((text) => {
    const [x = 0, y = 0, width = 0, height = 0] = text.split(' ').map(Number);
    return { x, y, right: x + width, bottom: y + height };
  });
}

for (const direction of directions) {
  test(`drawn ${direction}, each state has its count and each declared move its line, and there are no others`, () => {
    const svg = drawLifeCycle(token, { direction, label, link: (state) => `/tokens?status=${state}&all` });
    assert.deepEqual(all(svg, /data-count="(\w+)"/gu).toSorted(), Object.keys(token.edges).toSorted());
    assert.deepEqual(all(svg, /<g class="move" data-from="(\w+)" data-to="(\w+)">/gu).toSorted(), [
      'detected failed',
      'detected generating',
      'generating failed',
      'generating uploading',
      'ready failed',
      'ready revealed',
      'uploading failed',
      'uploading ready',
    ]);
    assert.deepEqual(all(svg, /<g class="move is-redrive" data-from="(\w+)" data-to="(\w+)">/gu), [
      'failed detected',
      'generating detected',
    ]);
    assert.deepEqual(all(svg, /class="state is-final" data-state="(\w+)"/gu), ['revealed', 'failed']);
    assert.ok(svg.includes('href="/tokens?status=ready&amp;all"'));
    assert.ok(svg.includes(`aria-label="${label}"`));
  });

  test(`drawn ${direction}, nothing overlaps, and everything is inside the picture`, () => {
    const svg = drawLifeCycle(token, { direction, label });
    const [size = ''] = all(svg, /viewBox="0 0 (\d+ \d+)"/gu);
    const [width = 0, height = 0] = size.split(' ').map(Number);
    const boxes = boxesOf(svg);
    assert.equal(boxes.length, 6);
    for (const [at, box] of boxes.entries()) {
      assert.ok(box.x >= 0 && box.y >= 0 && box.right <= width && box.bottom <= height);
      for (const other of boxes.slice(at + 1)) {
        assert.ok(box.right <= other.x || other.right <= box.x || box.bottom <= other.y || other.bottom <= box.y);
      }
    }
    for (const path of all(svg, / d="([^"]+)"/gu)) {
      for (const [, x, y] of path.matchAll(/([\d.-]+) ([\d.-]+)/gu)) {
        assert.ok(Number(x) >= 0 && Number(x) <= width && Number(y) >= 0 && Number(y) <= height, path);
      }
    }
  });
}

test('a strict policy lets it stand in a page: no style, no script, no id that could be there twice', () => {
  const svg = drawLifeCycle(token, { direction: 'across', label });
  assert.doesNotMatch(svg, /<style|<script|\sstyle=|\sid=|\son\w+=/u);
});

test('names and labels that hold markup stay text', () => {
  const svg = drawLifeCycle({ column: 's', edges: { '<b>"&': [] }, redrive: {} }, { direction: 'down', label: '"><script>' });
  assert.ok(!svg.includes('<b>') && !svg.includes('<script>'));
  assert.ok(svg.includes('&lt;b&gt;&quot;&amp;'));
});

test('circles, several states beside the way and moves past others are drawn', () => {
  const edges = { a: ['b', 'c', 'x'], b: ['c', 'y'], c: ['a', 'b'], x: ['y'], y: [] };
  const svg = drawLifeCycle({ column: 's', edges, redrive: { y: ['x'] } }, { direction: 'across', label });
  assert.equal(all(svg, /(<g class="move)/gu).length, 9);
  assert.doesNotMatch(svg, /NaN|undefined|Infinity/u);
});

test('a life cycle that does not hold together is refused by what is wrong', () => {
  const isMisuse = (error: unknown): boolean => isKeelsonError(error, 'MISUSE');
  assert.throws(() => drawLifeCycle({ column: 's', edges: {}, redrive: {} }, { direction: 'down', label }), isMisuse);
  assert.throws(() => drawLifeCycle({ column: 's', edges: { a: [] }, redrive: { a: ['z'] } }, { direction: 'down', label }), isMisuse);
});
