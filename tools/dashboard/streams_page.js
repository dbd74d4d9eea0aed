// Who is listening, the slowest first. All of them are read, page by page, while this page is visible.

import { byId, make, setAttribute, write } from './dom.js';
import { Problem, call, mayOperate } from './api.js';
import { bytes, integer, shortTime } from './format.js';

const REFRESH_MS = 2_000;
const STREAMS_MAX = 10_000;   // that are read; a server may have a million
const ROWS_PER_PAGE = 100;
const TOPICS_SHOWN_MAX = 3;

let timer = 0;
let run = 0;                  // counted up, so that an answer that comes too late is dropped
let streams = [];
let hasMore = false;
let page = 0;
let conflatedBefore = new Map();

export function startStreamsPage() {
  byId('streams-before').onclick = () => turn(-1);
  byId('streams-after').onclick = () => turn(1);
}

export function openStreamsPage() {
  const forbidden = !mayOperate();
  showForbidden(forbidden);
  if (!forbidden) refresh((run += 1));
}

export function closeStreamsPage() {
  run += 1;
  clearTimeout(timer);
}

async function refresh(mine) {
  clearTimeout(timer);
  try {
    if (!document.hidden) await read(mine);
  } catch (error) {
    if (mine !== run) return;
    if (error instanceof Problem && error.status === 403) return showForbidden(true);
    tell(error instanceof Problem ? error.sentence : 'The server did not answer in time.');
  }
  if (mine === run) timer = setTimeout(refresh, REFRESH_MS, mine);
}

async function read(mine) {
  const found = [];
  let cursor = null;
  do {
    const answer = await call('GET', `v1/streams${cursor ? `?cursor=${encodeURIComponent(cursor)}` : ''}`);
    found.push(...answer.streams);
    cursor = answer.next;
  } while (cursor && found.length < STREAMS_MAX && mine === run);
  if (mine !== run) return;
  for (const stream of found) {
    stream.isSlow = stream.queuedBytes > 0 || stream.conflated > (conflatedBefore.get(stream.id) ?? stream.conflated);
  }
  conflatedBefore = new Map(found.map(({ id, conflated }) => [id, conflated]));
  streams = found.sort((a, b) =>
    b.queuedBytes - a.queuedBytes || b.conflated - a.conflated || (a.openedAt < b.openedAt ? 1 : -1));
  hasMore = cursor !== null;
  tell('');
  draw();
}

function showForbidden(isForbidden) {
  byId('streams-forbidden').hidden = !isForbidden;
  byId('streams-shown').hidden = isForbidden;
}

function tell(what) {
  byId('streams-problem').hidden = what === '';
  write(byId('streams-problem'), what);
}

function turn(by) {
  page += by;
  draw();
}

function draw() {
  page = Math.min(Math.max(page, 0), Math.max(0, Math.ceil(streams.length / ROWS_PER_PAGE) - 1));
  const first = page * ROWS_PER_PAGE;
  const shown = streams.slice(first, first + ROWS_PER_PAGE);
  const slow = streams.filter(({ isSlow }) => isSlow).length;
  const all = hasMore ? `the first ${integer(streams.length)}` : integer(streams.length);
  write(byId('streams-count'), streams.length === 0
    ? 'Nobody is listening.'
    : `${integer(first + 1)} to ${integer(first + shown.length)} of ${all}, ${slow === 0 ? 'none' : integer(slow)} slow`);
  byId('streams-pages').hidden = streams.length <= ROWS_PER_PAGE;
  byId('streams-before').disabled = page === 0;
  byId('streams-after').disabled = first + ROWS_PER_PAGE >= streams.length;
  const body = byId('streams-rows');
  while (body.childElementCount > shown.length) body.lastElementChild.remove();
  while (body.childElementCount < shown.length) body.append(newRow());
  shown.forEach((stream, index) => writeRow(body.children[index], stream));
}

const COLUMNS = ['Pace', 'User', 'Address', 'Follows', 'Since', 'Waiting', 'Conflated', 'Last event'];

function newRow() {
  const row = make('tr');
  for (const column of COLUMNS) row.append(make('td', { 'data-label': column }));
  const badge = make('span', { className: 'state' });
  row.firstElementChild.append(badge);
  return row;
}

function writeRow(row, stream) {
  const [pace, user, address, follows, since, waiting, conflated, last] = row.children;
  row.dataset.pace = stream.isSlow ? 'slow' : 'fast';
  setAttribute(pace.firstElementChild, 'data-state', stream.isSlow ? 'slow' : 'keeping-up');
  write(pace.firstElementChild, stream.isSlow ? 'slow' : 'keeps up');
  write(user, stream.user ?? 'anybody');
  write(address, stream.address);
  const more = stream.topics.length - TOPICS_SHOWN_MAX;
  const beyond = more > 0 ? ` and ${integer(more)} more` : '';
  write(follows, stream.topics.slice(0, TOPICS_SHOWN_MAX).join(', ') + beyond);
  follows.title = follows.textContent;
  write(since, shortTime(new Date(stream.openedAt)));
  write(waiting, bytes(stream.queuedBytes));
  write(conflated, integer(stream.conflated));
  write(last, stream.lastEventId ?? '–');
}
