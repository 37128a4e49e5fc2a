/** The page in the browser: listens to the stream of the service, and shows what it says. */
import { showTroubles } from './attention.js';
import { showCounts } from './counts.js';
import { showPictures } from './pictures.js';

/** A stream that says nothing for so long is taken for broken: the service speaks each ten seconds. */
const SILENCE_MAX_MS = 25_000;
const IDLE_MS = 4_000;
const WAIT_MIN_MS = 1_000;
const WAIT_MAX_MS = 15_000;

const link = document.querySelector('#link');
const linkText = document.querySelector('#link-text');
const linkWords = {
  connecting: 'Connecting',
  live: 'Live',
  lost: 'Reconnecting',
  trouble: 'The database does not answer',
};

/** @type {EventSource | undefined} */
let stream;
let waitMs = WAIT_MIN_MS;
let timer = 0;
/** @type {number | undefined} */
let idling;

function say(state) {
  // Written only when it changes: whoever listens with a screen reader hears it once.
  if (link.dataset.link === state) return;
  link.dataset.link = state;
  linkText.textContent = linkWords[state];
  // What is shown from here on is what was true before.
  document.body.classList.toggle('is-stale', state === 'lost' || state === 'trouble');
}

function show(state) {
  showCounts(state);
  showPictures(state.pictures);
  showTroubles(state.troubles, state.stuck + state.tokens.failed);
  document.querySelector('#nothing').hidden = state.total > 0;
  showWorkers(state);
}

/** How many processes work; that there are none is said when it lasts: between two of them there may be a moment without. */
function showWorkers({ workers, total, tokens }) {
  const words = workers === 1 ? 'by 1 process' : `by ${workers} processes`;
  const text = workers === 0 ? '' : words;
  const place = document.querySelector('#workers');
  if (place.textContent !== text) place.textContent = text;
  const idle = document.querySelector('#idle');
  const isIdle = workers === 0 && total > tokens.revealed + tokens.failed;
  if (!isIdle) {
    clearTimeout(idling);
    idling = undefined;
    idle.hidden = true;
  } else {
    idling ??= setTimeout(() => {
      idle.hidden = false;
    }, IDLE_MS);
  }
}

function watch() {
  clearTimeout(timer);
  timer = setTimeout(again, SILENCE_MAX_MS);
}

function close() {
  clearTimeout(timer);
  stream?.close();
  stream = undefined;
}

/** A browser comes again by itself only after some failures, so this is done here for all. */
function again() {
  close();
  say('lost');
  timer = setTimeout(open, waitMs);
  waitMs = Math.min(WAIT_MAX_MS, waitMs * 1.6);
}

function open() {
  close();
  if (document.hidden) return;
  stream = new EventSource('/page/live');
  stream.addEventListener('message', (event) => {
    waitMs = WAIT_MIN_MS;
    say('live');
    watch();
    show(JSON.parse(event.data));
  });
  stream.addEventListener('alive', watch);
  stream.addEventListener('trouble', () => {
    say('trouble');
    watch();
  });
  stream.addEventListener('leaving', again);
  stream.addEventListener('error', again);
  watch();
}

// A page that nobody sees keeps no stream open: a browser has few for one address.
document.addEventListener('visibilitychange', () => (document.hidden ? close() : open()));
addEventListener('pagehide', close);
addEventListener('pageshow', (event) => event.persisted && open());

for (const button of document.querySelectorAll('[data-copy]')) {
  button.addEventListener('click', () => {
    const command = button.previousElementSibling;
    const tell = () => {
      button.textContent = 'Copied';
    };
    // Without the clipboard the command is there, marked.
    const mark = () => getSelection().selectAllChildren(command);
    if (navigator.clipboard === undefined) mark();
    else navigator.clipboard.writeText(command.textContent).then(tell, mark);
  });
}

open();
