/** The newest pictures: each is made once and moved to its place, so that none is drawn anew while others come. */

const list = document.querySelector('#pictures');
const none = document.querySelector('#no-pictures');
const api = document.body.dataset.api;

/** Pictures change at most this often, however fast tokens are revealed: each new one is a call to the service. */
const GAP_MS = 3_000;

/** @type {Map<string, HTMLElement>} */
const tiles = new Map();
let shownMs = -Infinity;
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
  shownMs = performance.now();
  const keys = new Set();
  for (const [at, picture] of pictures.entries()) {
    const key = `${picture.id} ${picture.cid}`;
    keys.add(key);
    const tile = tiles.get(key) ?? make(picture);
    tiles.set(key, tile);
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
}

/** Shows the newest pictures, now or as soon as the last change is long enough ago. */
export function showPictures(pictures) {
  clearTimeout(waiting);
  const restMs = shownMs + GAP_MS - performance.now();
  if (restMs <= 0) draw(pictures);
  else waiting = setTimeout(draw, restMs, pictures);
}
