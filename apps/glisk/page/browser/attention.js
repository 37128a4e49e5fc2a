/** What needs attention: tokens that failed or that nobody works on, each with its reason and, where its life cycle allows it, a retry. */
import { canRetry, retryAsOperator } from './operator.js';

const list = document.querySelector('#troubles');
const none = document.querySelector('#no-troubles');
const count = document.querySelector('#attention-count');
const said = document.querySelector('#said');

/** @type {Map<string, HTMLElement>} */
const rows = new Map();

function element(name, className, text = '') {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function make(trouble) {
  const row = document.createElement('li');
  const words = element('div', 'trouble');
  const head = element('p', 'trouble-head');
  const state = element('span', 'trouble-state');
  const dot = element('span', 'dot');
  dot.dataset.state = trouble.status;
  state.append(dot, trouble.kind === 'stuck' ? `stuck in ${trouble.status}` : trouble.status);
  head.append(element('strong', '', `#${trouble.token_id}`), state);
  words.append(head, element('p', 'trouble-why', trouble.why));
  row.append(words);
  if (trouble.can_retry && canRetry) row.append(button(trouble, row));
  return row;
}

function button(trouble, row) {
  const retry = element('button', 'quiet', 'Retry');
  retry.type = 'button';
  retry.setAttribute('aria-label', `Retry token ${trouble.token_id}`);
  // Not `disabled`: the keyboard would lose its place.
  retry.addEventListener('click', async () => {
    if (retry.getAttribute('aria-disabled') === 'true') return;
    retry.setAttribute('aria-disabled', 'true');
    row.querySelector('.trouble-said')?.remove();
    const { isDone, message } = await retryAsOperator(trouble.id);
    if (isDone) retry.textContent = 'Sent back';
    else retry.removeAttribute('aria-disabled');
    if (message === '') return;
    said.textContent = `Token ${trouble.token_id}: ${message}`;
    if (!isDone) row.append(element('p', 'trouble-said', message));
  });
  return retry;
}

/** Where the keyboard goes when the row that it stands on leaves: to the next one's button, or to the heading. */
function leave(row) {
  if (row.contains(document.activeElement)) {
    const near = row.nextElementSibling?.querySelector('button') ?? row.previousElementSibling?.querySelector('button');
    (near ?? document.querySelector('#attention')).focus();
  }
  row.remove();
}

/** Shows what needs attention; `total` is how many there are, of which the first are listed. */
export function showTroubles(troubles, total) {
  const keys = new Set(troubles.map(keyOf));
  for (const [key, row] of rows) {
    if (keys.has(key)) continue;
    leave(row);
    rows.delete(key);
  }
  for (const [at, trouble] of troubles.entries()) {
    const row = rows.get(keyOf(trouble)) ?? make(trouble);
    rows.set(keyOf(trouble), row);
    if (list.children[at] !== row) list.insertBefore(row, list.children[at] ?? null);
  }
  none.hidden = troubles.length > 0;
  document.querySelector('#no-retry').hidden = canRetry || troubles.length === 0;
  const text = total > troubles.length ? `${troubles.length} of ${total}` : '';
  if (count.textContent !== text) count.textContent = text;
}

function keyOf({ id, kind, status, why }) {
  return `${id} ${kind} ${status} ${why}`;
}
