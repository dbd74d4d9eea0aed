// What is known of every job that the user may see, kept by one stream of all of them. The stream
// itself begins with a snapshot of each, so nothing else has to be asked for.
//
//   events ─► jobs (what is known) ─► touched ─► listeners, once per animation frame
//
// After a `gap` the snapshots come again, of all that is still there: what is not told of anew
// has gone meanwhile. Until that is known the old ones stay on the page. The opening is over with the
// first id that resumes the stream; where there is nothing to tell, or its end went, with some quiet.

import { oncePerFrame } from './dom.js';
import { EventStream } from './event_stream.js';
import { mayOperate } from './api.js';

export const JOBS_MAX = 20_000;   // kept in the page: the newest ones
const QUIET_MS = 700;             // without a word, an opening that has told of nothing is over
const STALL_MS_MAX = 20_000;      // one that has begun, too; the server says something every 15 s
export const STATES = ['active', 'pending', 'completed', 'failed', 'cancelled'];
const OVER = new Set(['completed', 'failed', 'cancelled']);

export const isFinished = (job) => OVER.has(job.state);
export const stateCounts = Object.fromEntries(STATES.map((state) => [state, 0]));

const jobs = new Map();      // id → job
let order = [];              // the same, by creation; may hold some that are gone
let touched = new Set();     // jobs that changed since the last frame
let membershipChanged = true;
let beyond = 0;              // jobs that there was no room for
let telling = 0;             // counted up when all are told anew; a job carries that of its last snapshot
let loading = true;
let loadingTimer = 0;
let stream = null;
let streamOfAll = true;
const listeners = [];
const stateListeners = [];
const removalListeners = [];
const arrivalListeners = [];
let onConnection = () => {};

/// `listen({touched, membershipChanged})` is called once per frame in which something changed.
export const listenToJobs = (listen) => listeners.push(listen);
/// `listen(job)` is called when a job that was known comes to another state.
export const listenToStates = (listen) => stateListeners.push(listen);
/// `listen(job)` is called when a job is no more, not when there is no room for it here.
export const listenToRemovals = (listen) => removalListeners.push(listen);
/// `listen(job)` is called when a job is new here, also one that was taken for gone.
export const listenToArrivals = (listen) => arrivalListeners.push(listen);
/// `listen(state)` is called with each state of the stream, see EventStream.
export const listenToConnection = (listen) => (onConnection = listen);

export const jobOf = (id) => jobs.get(id);
export const jobCount = () => jobs.size;
export const jobsBeyond = () => beyond;
export const isLoading = () => loading;
export const connection = () => stream?.state ?? { name: 'closed' };

/// All of them by creation, the oldest first.
export function jobsByCreation() {
  if (order.length !== jobs.size) order = order.filter((job) => jobs.get(job.id) === job);
  return order;
}

export function openJobs() {
  if (stream?.state.name === 'refused' && streamOfAll === mayOperate()) return stream.retryNow();
  follow(mayOperate());
}

export const retryNow = () => stream?.retryNow();

function follow(all) {
  stream?.close();
  streamOfAll = all;
  telling += 1;
  loading = true;
  stream = new EventStream(all ? 'v1/events?all=true' : 'v1/events?owner=me', { onEvent, onState });
  stream.open();
}

function onState(state) {
  // With a cookie the page can't read what it may see.
  if (state.problem?.status === 403 && streamOfAll) return follow(false);
  clearTimeout(loadingTimer);  // a stream that is broken off tells nothing of what has gone
  if (state.name === 'live' && loading) load(QUIET_MS);
  onConnection(state);
  publishSoon();
}

function onEvent({ type, id, data }) {
  if (type === 'gap') return onGap();
  if (type !== 'removed') take(data, type === 'snapshot');
  else if (jobs.has(data.id)) goes(jobs.get(data.id));
  else forgetOneBeyond();
  if (!loading) return;
  if (id.endsWith('~')) load(STALL_MS_MAX);  // it resumes nothing: not all has been told of yet
  else endLoading();
}

function onGap() {
  telling += 1;
  beyond = 0;
  load(QUIET_MS);
}

function load(quietMs) {
  loading = true;
  clearTimeout(loadingTimer);
  loadingTimer = setTimeout(endLoading, quietMs);
}

function endLoading() {
  clearTimeout(loadingTimer);
  loading = false;
  for (const job of [...jobs.values()]) if (job.telling !== telling) goes(job);
  publishSoon();
}

// Progress carries less than a snapshot does, and adds to what is known.
function take(told, isSnapshot) {
  const job = jobs.get(told.id);
  if (!job) return add(told, isSnapshot);
  if (isSnapshot || told.createdAt) job.telling = telling;
  if (job.createdAt !== (told.createdAt ?? job.createdAt)) {  // deleted, and made anew under its id
    remove(job);
    return add(told, isSnapshot);
  }
  const before = job.state;
  Object.assign(job, told);
  job.searched = null;
  touched.add(job);
  if (before !== job.state) {
    stateCounts[before] -= 1;
    stateCounts[job.state] += 1;
    for (const listen of stateListeners) listen(job);
  }
  publishSoon();
}

function add(told, isSnapshot) {
  if (!told.createdAt) return;  // progress of a job that there was no room for
  if (jobs.size >= JOBS_MAX) {
    const oldest = jobsByCreation()[0];
    const isBeyond = told.createdAt <= oldest.createdAt;
    if (isSnapshot || !isBeyond) beyond += 1;  // the end of one that is beyond was counted with its snapshot
    if (isBeyond) return;
    remove(oldest);
    order.shift();
  }
  const job = { ...told, telling, searched: null };
  jobs.set(job.id, job);
  place(job);
  stateCounts[job.state] += 1;
  membershipChanged = true;
  for (const listen of arrivalListeners) listen(job);
  publishSoon();
}

// Nearly always the newest; of the same millisecond, the later to arrive stands behind.
function place(job) {
  if (order.length > 2 * JOBS_MAX) jobsByCreation();  // those that are gone, which nobody looked at
  let at = order.length;
  if (at > 0 && order[at - 1].createdAt > job.createdAt) {
    let low = 0;
    while (low < at) {
      const middle = (low + at) >> 1;
      if (order[middle].createdAt > job.createdAt) at = middle;
      else low = middle + 1;
    }
  }
  order.splice(at, 0, job);
}

function goes(job) {
  remove(job);
  for (const listen of removalListeners) listen(job);
}

function remove(job) {
  jobs.delete(job.id);
  touched.delete(job);  // a hidden page has no frames, and would keep what is gone
  stateCounts[job.state] -= 1;
  membershipChanged = true;
  publishSoon();
}

function forgetOneBeyond() {
  beyond = Math.max(0, beyond - 1);
  publishSoon();
}

const publishSoon = oncePerFrame(() => {
  const change = { touched, membershipChanged };
  touched = new Set();
  membershipChanged = false;
  for (const listen of listeners) listen(change);
});
