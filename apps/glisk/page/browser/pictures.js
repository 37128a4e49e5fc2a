/** The newest pictures: each is made once and moved to its place, so that none is drawn anew while others come. */

const list = document.querySelector('#pictures');
const none = document.querySelector('#no-pictures');
const api = document.body.dataset.api;

/** Pictures change at most this often, and new ones are fetched at most so fast, however fast tokens are revealed: an address has 300 calls a minute. */
const GAP_MS = 3_000;
const GAP_PER_PICTURE_MS = 500;

/** @type {Map<string, HTMLElement>} */
const tiles = new Map();
let freeMs = 0;
let waiting = 0;

function make(picture) {
  const item = document.createElement('li');
  item.className = 'picture';
  const way = document.createElement('a');
  way.href = `${api}/tokens/${picture.id}`;
  const image = document.createElement('img');
  image.alt = `Picture of token ${picture.token_id}`;
  image.title = picture.prompt;
  image.width = 160;
  image.height = 160;
  image.decoding = 'async';
  image.addEventListener('error', () => item.classList.add('is-missing'));
  image.src = `/page/pictures/${picture.token_id}?cid=${encodeURIComponent(picture.cid)}`;
  const caption = document.createElement('p');
  const dot = document.createElement('span');
  dot.className = 'dot';
  const number = document.createElement('span');
  number.textContent = `#${picture.token_id}`;
  caption.append(dot, number);
  way.append(image, caption);
  item.append(way);
  return item;
}

function draw(pictures) {
  let made = 0;
  const keys = new Set();
  for (const [at, picture] of pictures.entries()) {
    const key = `${picture.id} ${picture.cid}`;
    keys.add(key);
    if (!tiles.has(key)) {
      made += 1;
      tiles.set(key, make(picture));
    }
    const tile = tiles.get(key);
    const state = tile.querySelector('.dot');
    state.dataset.state = picture.status;
    state.title = picture.status;
    if (list.children[at] !== tile) list.insertBefore(tile, list.children[at] ?? null);
  }
  for (const [key, tile] of tiles) {
    if (keys.has(key)) continue;
    tile.remove();
    tiles.delete(key);
  }
  none.hidden = pictures.length > 0;
  freeMs = performance.now() + Math.max(GAP_MS, made * GAP_PER_PICTURE_MS);
}

/** Shows the newest pictures, now or as soon as the last change is long enough ago. */
export function showPictures(pictures) {
  clearTimeout(waiting);
  const restMs = freeMs - performance.now();
  if (restMs <= 0) draw(pictures);
  else waiting = setTimeout(draw, restMs, pictures);
}
