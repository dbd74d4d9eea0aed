// The list of jobs: what is known of each, and its row on the page.
//
//   events ─► jobs (what is known) ─► dirty ─► draw(), once per animation frame ─► rows (the DOM)
//
// Events only change `jobs` and mark what they touched; draw() alone writes to the page. A job's
// values get there as text, never as markup.

const ROWS_MAX = 500;
const STATES = ['active', 'pending', 'completed', 'failed', 'cancelled'];

const byId = (id) => document.getElementById(id);
export const jobPath = (id) => `v1/jobs/${encodeURIComponent(id)}`;

// ---- What is known ----

const jobs = new Map();   // id → job
const rows = new Map();   // id → row, for those on the page
const dirty = new Set();  // ids of jobs whose row is to be written again
let arrivals = 0;
let live = false;          // is what stands here the latest?
let orderChanged = false;
let drawing = false;
let onAct = () => {};

// Jobs of the same millisecond: the later to arrive stands first.
const newestFirst = (a, b) =>
  a.createdAt === b.createdAt ? b.arrival - a.arrival : a.createdAt < b.createdAt ? 1 : -1;

/// A snapshot replaces what was known of the job; progress, which carries less, adds to it.
export function takeJob(told) {
  const before = jobs.get(told.id);
  const job = { ...before, ...told, arrival: before?.arrival ?? ++arrivals };
  jobs.set(job.id, job);
  dirty.add(job.id);
  if (!before || before.createdAt !== job.createdAt) orderChanged = true;
  if (before && before.state !== job.state) announce(job);
  drawSoon();
}

export function removeJob({ id }) {
  if (!jobs.delete(id)) return;
  orderChanged = true;
  drawSoon();
}

export function clearJobs() {
  jobs.clear();
  orderChanged = true;
  drawSoon();
}

export const hasJobs = () => jobs.size > 0;
export const isOver = (id) => jobs.has(id) && isFinished(jobs.get(id));
export const isFinished = (job) => !['pending', 'active'].includes(job.state);

/// `act(job)` is called when the button of a job's row is pressed: cancel, or delete when finished.
export function listenToRows(act) {
  onAct = act;
}

/// Old values stand back, and an empty list is not called empty before the server has said so.
export function setLive(isLive) {
  live = isLive;
  byId('jobs').classList.toggle('stale', !live);
  drawSoon();
}

// ---- Drawing ----

function drawSoon() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(draw);
}

function draw() {
  drawing = false;
  if (orderChanged) placeRows();
  for (const id of dirty) if (rows.has(id)) writeRow(rows.get(id), jobs.get(id));
  dirty.clear();
  writeCounts();
  byId('empty').hidden = jobs.size > 0 || !live;
}

function placeRows() {
  orderChanged = false;
  const shown = [...jobs.values()].sort(newestFirst).slice(0, ROWS_MAX);
  const keep = new Set(shown.map((job) => job.id));
  for (const [id, row] of rows) if (!keep.has(id)) dropRow(id, row);
  let at = byId('jobs').firstElementChild;
  for (const { id } of shown) {
    const { element } = rows.get(id) ?? makeRow(id);
    if (element === at) at = at.nextElementSibling;
    else byId('jobs').insertBefore(element, at);
  }
  const beyond = jobs.size - shown.length;
  byId('more').hidden = beyond === 0;
  byId('more').textContent = `and ${whole.format(beyond)} more, older than these`;
}

function makeRow(id) {
  const element = byId('row').content.firstElementChild.cloneNode(true);
  const parts = {};
  for (const part of element.querySelectorAll('[data-part]')) parts[part.dataset.part] = part;
  parts.act.onclick = () => jobs.has(id) && onAct(jobs.get(id));
  parts.id.href = jobPath(id);
  const row = { element, parts, percent: null, movedAt: 0 };
  rows.set(id, row);
  dirty.add(id);
  return row;
}

function dropRow(id, row) {
  // A keyboard user who stands on the row is led to the next one, not back to the page's top.
  if (row.element.contains(document.activeElement)) {
    const next = row.element.nextElementSibling ?? row.element.previousElementSibling;
    (next?.querySelector('.act') ?? byId('jobs-title')).focus();
  }
  row.element.remove();
  rows.delete(id);
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function writeRow(row, job) {
  const { element, parts } = row;
  const name = `${job.kind ?? 'job'} ${job.id}`;
  if (element.dataset.state !== job.state) {
    element.dataset.state = job.state;
    write(parts.state, job.state);
    write(parts.act, isFinished(job) ? 'Delete' : 'Cancel');
    parts.act.setAttribute('aria-label', `${parts.act.textContent} ${name}`);
    parts.bar.setAttribute('aria-label', `Progress of ${name}`);
  }
  write(parts.kind, job.kind ?? 'job');
  write(parts.runner, job.runner ?? '');
  write(parts.owner, job.owner ?? '');
  write(parts.attempt, job.attempt ? `attempt ${job.attempt}` : '');
  write(parts.id, job.id);
  write(parts.percent, percent(job.percent ?? 0));
  write(parts.steps, `${count(job.done ?? 0)} of ${count(job.total ?? 0)}`);
  writePace(parts, job);
  const message = (job.state === 'failed' && job.failedReason) || job.message || '';
  write(parts.message, message);
  parts.kind.title = job.kind ?? '';
  parts.id.title = job.id;
  parts.message.title = message;
  moveBar(row, job);
}

function writePace(parts, job) {
  if (!isFinished(job)) {
    write(parts.rate, job.ratePerSecond == null ? '' : `${rate(job.ratePerSecond)}/s`);
    write(parts.time, job.etaSeconds == null ? '' : `${duration(job.etaSeconds)} left`);
    return;
  }
  const finishedAt = new Date(job.finishedAt);
  const tookMs = job.startedAt ? finishedAt - new Date(job.startedAt) : NaN;
  write(parts.rate, tookMs >= 0 ? duration(tookMs / 1_000) : '');
  write(parts.time, job.finishedAt ? `at ${finishedAt.toLocaleTimeString()}` : '');
}

// The bar glides for as long as the last step took, so that it arrives when the next is due.
function moveBar(row, job) {
  const now = performance.now();
  const target = job.percent ?? 0;
  if (target === row.percent) return;
  const forward = row.percent !== null && target > row.percent;
  const glideMs = isFinished(job) ? 150 : Math.min(Math.max(now - row.movedAt, 80), 1_000);
  row.parts.fill.style.transitionDuration = `${forward ? Math.round(glideMs) : 0}ms, 300ms, 300ms`;
  row.parts.fill.style.transform = `translateX(${target - 100}%)`;
  row.parts.bar.setAttribute('aria-valuenow', target);
  row.parts.bar.setAttribute('aria-valuetext', percent(target));
  row.percent = target;
  row.movedAt = now;
}

function writeCounts() {
  const counts = Object.fromEntries(STATES.map((state) => [state, 0]));
  for (const job of jobs.values()) counts[job.state] += 1;
  for (const state of STATES) {
    write(document.querySelector(`.counts [data-state="${state}"] b`), whole.format(counts[state]));
  }
  document.title = counts.active ? `${whole.format(counts.active)} active · progressd` : 'progressd';
}

// Changes of state for screen readers, gathered for a second: many at once become a count.
let changed = [];

function announce(job) {
  if (changed.push(job) === 1) setTimeout(speak, 1_000);
}

function speak() {
  const heard = changed;
  changed = [];
  const sentences = heard.length <= 3
    ? heard.map((job) => `${job.kind ?? 'job'} ${job.state}`)
    : STATES.map((state) => [heard.filter((job) => job.state === state).length, state])
        .filter(([n]) => n > 0).map(([n, state]) => `${n} jobs ${state}`);
  byId('announcer').textContent = `${sentences.join(', ')}.`;
}

// ---- Numbers as people read them ----

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

const count = (n) => (n < 100_000 ? whole : compact).format(n);
const rate = (n) => (n < 100 ? tenth : compact).format(n);
// Rounded down: a job is not at 100 % before it is.
const percent = (n) => `${(Math.floor(n * 10) / 10).toFixed(1)} %`;

function duration(seconds) {
  if (seconds < 10) return `${tenth.format(seconds)} s`;
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3_600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86_400) return `${Math.floor(s / 3_600)} h ${Math.floor((s % 3_600) / 60)} min`;
  return `${whole.format(Math.floor(s / 86_400))} d ${Math.floor((s % 86_400) / 3_600)} h`;
}
