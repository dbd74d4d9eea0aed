// The list of jobs: those that the filters let through, newest first, of which only the rows in view
// are elements. A row keeps its element for as long as it is in view, so that focus and motion stay.
//
//   |  head (sticks)            |
//   |  ┌ rows, as high as all ┐ |   ◄ #grid scrolls
//   |  │  row at index × height│ |
//
// One row can be reached by Tab, the others by the arrow keys from there; it stays an element when it
// is scrolled out of view.

import { byId, oncePerFrame, setAttribute, write } from './dom.js';
import { integer } from './format.js';
import { JobRow, hrefOf } from './job_row.js';
import {
  JOBS_MAX, STATES, connection, isLoading, jobCount, jobOf, jobsBeyond, jobsByCreation, listenToJobs, stateCounts,
} from './live_jobs.js';

const ROWS_BESIDE_VIEW = 6;  // above and below, so that a scroll finds them drawn

const rows = new Map();   // id → JobRow, those that are elements
let shown = [];           // the jobs that pass the filters, newest first
let currentId = null;     // of the row that Tab reaches
let state = '';           // '': all
let words = [];           // each has to be in the job
let rowHeight = 0;
let isStale = true;       // `shown` is to be made again
let onAct = () => {};

const grid = () => byId('grid');
const matches = (job) =>
  (state === '' || job.state === state) && (words.length === 0 || words.every((word) => textOf(job).includes(word)));

function textOf(job) {
  job.searched ??= [job.id, job.kind, job.owner, job.runner, job.message, job.failedReason]
    .filter(Boolean).join('\n').toLowerCase();
  return job.searched;
}

/// `act(job)` is called when the button of a job's row is pressed: cancel, or delete when finished.
export function startJobList(act) {
  onAct = act;
  listenToJobs(({ touched, membershipChanged }) => {
    if (membershipChanged || state !== '' || words.length > 0) isStale = true;
    for (const job of touched) rows.get(job.id)?.write();
    draw();
  });
  grid().addEventListener('scroll', drawSoon, { passive: true });
  grid().addEventListener('keydown', onKey);
  grid().addEventListener('focusin', onFocus);
  grid().addEventListener('click', onClick);
  new ResizeObserver(onResize).observe(grid());
  for (const chip of document.querySelectorAll('[data-filter]')) {
    chip.onclick = () => filterBy(chip.dataset.filter);
  }
  byId('search').oninput = () => searchFor(byId('search').value);
  byId('search').addEventListener('keydown', onSearchKey);
  byId('clear-filters').onclick = () => {
    clearSearch();
    filterBy('');
    byId('search').focus();
  };
}

/// Puts the focus on the row that was left, or on the list.
export function focusList() {
  draw();
  if (currentId && rows.has(currentId)) return focusRow(indexOf(currentId));
  byId('jobs-title').focus();
}

function filterBy(chosen) {
  state = chosen;
  for (const chip of document.querySelectorAll('[data-filter]')) {
    setAttribute(chip, 'aria-pressed', chip.dataset.filter === state);
  }
  showFromTop();
}

function searchFor(text) {
  words = text.toLowerCase().split(/\s+/).filter(Boolean);
  showFromTop();
}

function clearSearch() {
  byId('search').value = '';
  searchFor('');
}

function showFromTop() {
  isStale = true;
  currentId = null;
  grid().scrollTop = 0;
  draw();
}

function onResize() {
  rowHeight = Number.parseFloat(getComputedStyle(grid()).getPropertyValue('--row-height'));
  draw();
}

// ---- Drawing ----

const drawSoon = oncePerFrame(() => draw());

function draw() {
  if (isStale) renew();
  writeCounts();
  writeNotes();
  if (grid().clientHeight === 0 || rowHeight === 0) return;  // another page is shown
  drawRows();
}

// What is looked at stays where it is when jobs come above it; at the top, the new ones are looked at.
function renew() {
  isStale = false;
  const top = rowHeight > 0 ? Math.floor(grid().scrollTop / rowHeight) : 0;
  const anchor = top > 0 ? shown[top] : null;
  const before = shown;
  shown = jobsByCreation().filter(matches).reverse();
  if (before.length > 0 && currentId && !shown.includes(jobOf(currentId))) moveCurrent(before);
  byId('rows').style.height = `${shown.length * rowHeight}px`;
  setAttribute(grid(), 'aria-rowcount', shown.length + 1);
  const moved = anchor ? shown.indexOf(anchor) - top : 0;
  if (moved !== 0 && shown.includes(anchor)) grid().scrollTop += moved * rowHeight;
}

// Who stands on a row that goes is led to the one after it, not to the page's top.
function moveCurrent(before) {
  const hadFocus = rows.get(currentId)?.element.contains(document.activeElement);
  const at = before.findIndex((job) => job.id === currentId);
  const left = new Set(shown);
  const isLeft = (job) => left.has(job);
  const next = before.slice(at + 1).find(isLeft) ?? before.slice(0, at).findLast(isLeft);
  currentId = next?.id ?? null;
  if (!hadFocus) return;
  if (next) queueMicrotask(() => focusRow(indexOf(currentId)));
  else byId('jobs-title').focus();
}

function drawRows() {
  const first = Math.max(0, Math.floor(grid().scrollTop / rowHeight) - ROWS_BESIDE_VIEW);
  const end = Math.min(shown.length, first + Math.ceil(grid().clientHeight / rowHeight) + 2 * ROWS_BESIDE_VIEW);
  const places = new Map();  // id → index
  if (currentId) {
    const at = indexOf(currentId);
    if (at >= 0 && at < first) places.set(currentId, at);
  }
  for (let index = first; index < end; index += 1) places.set(shown[index].id, index);
  if (currentId && !places.has(currentId) && indexOf(currentId) >= 0) places.set(currentId, indexOf(currentId));
  for (const [id, row] of rows) {
    if (places.has(id) && row.job === jobOf(id)) continue;
    row.element.remove();
    rows.delete(id);
  }
  const reached = currentId ?? shown[0]?.id;
  let at = byId('rows').firstElementChild;
  for (const [id, index] of places) {
    if (!rows.has(id)) rows.set(id, new JobRow(shown[index], onAct));
    const row = rows.get(id);
    row.place(index, index * rowHeight, id === reached);
    if (row.element === at) at = at.nextElementSibling;
    else byId('rows').insertBefore(row.element, at);
  }
}

function writeCounts() {
  write(byId('count-all'), integer(jobCount()));
  for (const name of STATES) write(byId(`count-${name}`), integer(stateCounts[name]));
  const { active } = stateCounts;
  const title = active ? `${integer(active)} active · progressd` : 'progressd';
  if (document.title !== title && !byId('page-jobs').hidden) document.title = title;
}

function writeNotes() {
  const isLive = connection().name === 'live';
  const none = jobCount() === 0;
  const passing = shown.length;
  const isAway = connection().name === 'waiting';
  byId('loading').hidden = !isLoading() || connection().name === 'refused';
  const soFar = none ? 'Loading jobs…' : `Loading jobs: ${integer(jobCount())} so far…`;
  write(byId('loading-text'), isAway ? 'Waiting for the server…' : soFar);
  byId('empty').hidden = !(none && isLive && !isLoading());
  byId('nothing').hidden = none || passing > 0;
  byId('ghosts').hidden = !none || !byId('empty').hidden;
  grid().hidden = none || passing === 0;
  const beyond = jobsBeyond();
  byId('beyond').hidden = beyond === 0;
  write(byId('beyond'),
    `The newest ${integer(JOBS_MAX)} jobs are kept here; ${integer(beyond)} older ones are not shown.`);
  write(byId('shown-count'), passing === jobCount() ? '' : `${integer(passing)} of ${integer(jobCount())} shown`);
}

// ---- Keyboard and mouse ----

const indexOf = (id) => shown.findIndex((job) => job.id === id);

function focusRow(index) {
  if (index < 0 || shown.length === 0) return;
  const at = Math.min(index, shown.length - 1);
  currentId = shown[at].id;
  const head = byId('grid-head').offsetHeight;
  const room = grid().clientHeight - head;
  const top = at * rowHeight;
  if (top < grid().scrollTop) grid().scrollTop = top;
  else if (top + rowHeight > grid().scrollTop + room) grid().scrollTop = top + rowHeight - room;
  drawRows();
  rows.get(currentId).element.focus({ preventScroll: true });
}

function onKey(event) {
  const row = event.target.closest('[data-id]');
  if (!row || event.altKey || event.ctrlKey || event.metaKey) return;
  const at = indexOf(row.dataset.id);
  const page = Math.max(1, Math.floor(grid().clientHeight / rowHeight) - 1);
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -at, End: shown.length - 1 - at };
  if (event.key in steps) {
    event.preventDefault();
    focusRow(Math.max(0, at + steps[event.key]));
  } else if (event.key === 'Enter' && event.target === row) {
    location.hash = hrefOf(jobOf(row.dataset.id));
  }
}

function onSearchKey(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || event.isComposing) return;
  if (event.key === 'Escape') {
    event.preventDefault();
    const left = currentId;
    clearSearch();
    if (shown.length === 0) byId('jobs-title').focus();
    else focusRow(Math.max(0, indexOf(left)));
  } else if (event.key === 'ArrowDown') {
    event.preventDefault();
    focusRow(0);
  } else if (event.key === 'Enter' && words.length > 0 && shown.length > 0) {
    currentId = shown[0].id;
    location.hash = hrefOf(shown[0]);
  }
}

function onFocus(event) {
  const row = event.target.closest('[data-id]');
  if (!row || row.dataset.id === currentId) return;
  currentId = row.dataset.id;
  drawRows();
}

function onClick(event) {
  const row = event.target.closest('[data-id]');
  if (!row || event.target.closest('a, button') || String(getSelection()) !== '') return;
  currentId = row.dataset.id;
  location.hash = hrefOf(jobOf(row.dataset.id));
}
