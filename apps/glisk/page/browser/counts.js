/** Counts: numbers that run to their new value without a jump, the states at work, and the moves that tokens take just now. */

const RUN_MS = 240;
const FLOW_MS = 1_600;
const MINUTE_MS = 60_000;
/** The service counts no further what is stuck. */
const STUCK_COUNT_MAX = 1_000;
const COMPACT_FROM = 1_000_000;

const whole = new Intl.NumberFormat('en');
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 2 });
const calm = matchMedia('(prefers-reduced-motion: reduce)');

/** @type {Map<Element, { shown: number, target: number, from: number, sinceMs: number }>} */
const numbers = new Map();
let isRunning = false;
/** @type {Record<string, number> | undefined} */
let before;
/** @type {{ atMs: number, revealed: number }[]} */
let history = [];

function format(value) {
  return value < COMPACT_FROM ? whole.format(value) : compact.format(value);
}

/** Lets the number in an element run to a value. */
function run(element, value) {
  const known = numbers.get(element);
  if (known?.target === value) return;
  const isFirst = known === undefined || calm.matches || document.hidden;
  const from = known?.shown ?? value;
  numbers.set(element, { shown: isFirst ? value : from, target: value, from, sinceMs: performance.now() });
  if (isFirst) element.textContent = format(value);
  else if (!isRunning) {
    isRunning = true;
    requestAnimationFrame(step);
  }
}

function step(nowMs) {
  isRunning = false;
  for (const [element, number] of numbers) {
    if (number.shown === number.target) continue;
    const part = Math.min(1, Math.max(0, (nowMs - number.sinceMs) / RUN_MS));
    number.shown = Math.round(number.from + (number.target - number.from) * part);
    element.textContent = format(number.shown);
    if (number.shown !== number.target) isRunning = true;
  }
  if (isRunning) requestAnimationFrame(step);
}

/** Marks each usual move that tokens have taken since the last counts: those beyond it have become more. */
function flow(counts) {
  if (before === undefined) return;
  for (const move of document.querySelectorAll('.life-cycle .move:not(.is-redrive)')) {
    const { from, to } = move.dataset;
    const passed = beyond(to, counts) - beyond(to, before);
    if (passed > 0 && to !== 'failed') light(move);
    if (to === 'failed' && counts.failed > before.failed && counts[from] < before[from]) light(move);
  }
}

const states = [...document.querySelectorAll('.is-across [data-state]')].map((element) => element.dataset.state);

/** How many tokens stand in a state or have passed it on the usual way. */
function beyond(state, counts) {
  const usual = states.filter((each) => each !== 'failed');
  return usual.slice(usual.indexOf(state)).reduce((sum, each) => sum + counts[each], 0);
}

/** @type {Map<Element, number>} */
const lit = new Map();

function light(move) {
  clearTimeout(lit.get(move));
  move.classList.add('is-flowing');
  lit.set(
    move,
    setTimeout(() => move.classList.remove('is-flowing'), FLOW_MS),
  );
}

/** How many were revealed in the last minute that this page has seen; before that, since it was opened. */
function rate(revealed) {
  const atMs = performance.now();
  history = history.filter((each) => atMs - each.atMs <= MINUTE_MS);
  history.push({ atMs, revealed });
  return Math.max(0, revealed - history[0].revealed);
}

let latest;

function showRate() {
  if (latest !== undefined) run(document.querySelector('[data-figure="rate"]'), rate(latest.tokens.revealed));
}

// Also while nothing changes the minute moves on.
setInterval(showRate, 2_000);

/** Shows the counts of a state of the whole. */
export function showCounts(state) {
  latest = state;
  for (const element of document.querySelectorAll('[data-count]')) run(element, state.tokens[element.dataset.count] ?? 0);
  for (const box of document.querySelectorAll('.life-cycle [data-state]')) {
    const name = box.dataset.state;
    const count = state.tokens[name] ?? 0;
    box.classList.toggle('is-zero', count === 0);
    box.classList.toggle('is-busy', (state.held[name] ?? 0) > 0);
    box.setAttribute('aria-label', `${name}: ${count} ${count === 1 ? 'token' : 'tokens'}`);
  }
  for (const note of document.querySelectorAll('[data-note]')) {
    const held = state.held[note.dataset.note] ?? 0;
    const text = held > 0 ? `${format(held)} in work` : '';
    if (note.textContent !== text) note.textContent = text;
  }
  const held = Object.values(state.held).reduce((sum, count) => sum + count, 0);
  const troubled = state.stuck + state.tokens.failed;
  run(document.querySelector('[data-figure="total"]'), state.total);
  run(document.querySelector('[data-figure="held"]'), held);
  run(document.querySelector('[data-figure="troubled"]'), troubled);
  const alarm = document.querySelector('[data-alarm]');
  alarm.dataset.alarm = troubled > 0 ? 'on' : 'off';
  alarm.dataset.more = state.stuck >= STUCK_COUNT_MAX ? 'yes' : 'no';
  showRate();
  flow(state.tokens);
  before = state.tokens;
}
