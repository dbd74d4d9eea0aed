// The dashboard: one EventSource for every job of the server, the buttons, and the server's line.
// The jobs themselves and their rows are in job_list.js. URLs are relative, so that the page also
// works behind a proxy that gives it a path of its own.

import {
  clearJobs, hasJobs, isFinished, isOver, jobPath, listenToRows, removeJob, setLive, takeJob,
} from './job_list.js';

const RETRY_MS_MAX = 30_000;
const STATS_EVERY_MS = 2_000;
const TOAST_MS = 8_000;
const TOASTS_MAX = 3;

const byId = (id) => document.getElementById(id);
const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// ---- Requests ----

class Problem extends Error {
  constructor(status, detail, retryAfterMs = 0) {
    super(detail);
    this.status = status;  // 0: no answer at all
    this.retryAfterMs = retryAfterMs;
  }
}

async function problemOf(answer) {
  const told = await answer.json().catch(() => ({}));
  const detail = told.detail || told.title || 'The server gave no reason.';
  return new Problem(answer.status, detail, 1_000 * (Number(answer.headers.get('Retry-After')) || 0));
}

async function call(method, path, body) {
  const request = { method };
  if (body) {
    request.headers = { 'Content-Type': 'application/json' };
    request.body = JSON.stringify(body);
  }
  const answer = await fetch(path, request).catch(() => {
    throw new Problem(0, 'The server does not answer.');
  });
  if (!answer.ok) throw await problemOf(answer);
  return answer.status === 204 ? null : answer.json();
}

function toast(problem) {
  const box = document.createElement('div');
  box.className = 'toast';
  const text = document.createElement('p');
  text.textContent = problem.status ? `${problem.message} (${problem.status})` : problem.message;
  const close = document.createElement('button');
  close.type = 'button';
  close.textContent = '×';
  close.setAttribute('aria-label', 'Close this message');
  close.onclick = () => box.remove();
  box.append(text, close);
  while (byId('toasts').childElementCount >= TOASTS_MAX) byId('toasts').firstChild.remove();
  byId('toasts').append(box);
  setTimeout(() => box.remove(), TOAST_MS);
}

// ---- The stream ----

let source = null;
let connection = 'connecting';
let lastEventId = '';
let refusals = 0;       // in a row
let retryTimer = 0;     // ticks while a refused stream waits for its next try

const WORDS = { connecting: 'Connecting', live: 'Live', reconnecting: 'Reconnecting', error: 'Error' };

function showConnection(state, notice = '') {
  if (state === 'reconnecting' && connection === state) return;
  connection = state;
  byId('connection').dataset.state = state;
  write(byId('connection-word'), WORDS[state]);
  byId('notice').hidden = notice === '';
  byId('notice').dataset.state = state;
  byId('notice-text').textContent = notice;
  byId('notice-wait').textContent = '';
  if (state !== 'error' && document.activeElement === byId('retry')) byId('jobs-title').focus();
  byId('retry').hidden = state !== 'error';
  setLive(state === 'live');
  pollStats();
}

function streamPath() {
  // After a break the EventSource sends Last-Event-ID by itself; a new one has to be told.
  return `v1/events?all=true${lastEventId && `&lastEventId=${encodeURIComponent(lastEventId)}`}`;
}

function openStream() {
  clearInterval(retryTimer);
  byId('notice-wait').textContent = 'Trying again now.';
  source?.close();
  source = new EventSource(streamPath());
  source.onopen = () => {
    refusals = 0;
    showConnection('live');
  };
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) return onRefused();
    showConnection('reconnecting', hasJobs()
      ? `The stream broke off at ${new Date().toLocaleTimeString()}. `
        + 'It reconnects by itself when the server is back.'
      : 'The server does not answer. Trying again until it does.');
  };
  const on = (type, take) => source.addEventListener(type, (event) => {
    if (event.lastEventId) lastEventId = event.lastEventId;
    take(JSON.parse(event.data));
  });
  for (const type of ['snapshot', 'progress', 'completed', 'failed', 'cancelled']) on(type, takeJob);
  on('removed', removeJob);
  on('gap', clearJobs);  // it could not go on from where it was: snapshots of every job follow
}

// An EventSource gives up for good on anything but 200, and does not say why: ask once more.
async function onRefused() {
  const refused = source;
  const problem = await whyRefused();
  if (source !== refused) return;
  const backoffMs = Math.min(1_000 * 2 ** refusals, RETRY_MS_MAX) * (0.5 + Math.random() / 2);
  refusals += 1;
  showConnection('error', problem.status
    ? `The stream was refused: ${problem.message.replace(/\.$/, '')} (${problem.status}).`
    : problem.message);
  waitThenOpen(Date.now() + Math.max(backoffMs, problem.retryAfterMs));
}

async function whyRefused() {
  const request = { headers: { Accept: 'text/event-stream' }, signal: AbortSignal.timeout(5_000) };
  const answer = await fetch(streamPath(), request).catch(() => null);
  if (!answer) return new Problem(0, 'The server does not answer.');
  if (!answer.ok) return problemOf(answer);
  answer.body.cancel();
  return new Problem(0, 'The stream was refused.');
}

function waitThenOpen(at) {
  const tick = () => {
    if (Date.now() >= at) return openStream();
    byId('notice-wait').textContent = `Trying again in ${Math.ceil((at - Date.now()) / 1_000)} s.`;
  };
  clearInterval(retryTimer);
  retryTimer = setInterval(tick, 250);
  tick();
}

// ---- What the buttons do ----

const STARTS = {
  timer: { runner: 'timer', kind: 'media', total: 100, stepMs: 100 },
  cpu: { runner: 'cpu', kind: 'character', total: 100, stepWork: 20 },
  // Hidden pages get few timer ticks; a closed one gets none, and then the job fails as stalled.
  external: { runner: 'external', kind: 'upload', total: 40, stallAfterMs: 120_000 },
};

async function start(runner) {
  const job = await call('POST', 'v1/jobs', STARTS[runner]);
  if (runner === 'external') await playWorker(job);
}

const cancelling = new Set();  // ids that the page's own worker leaves alone meanwhile

// What somebody's own worker does, played by this page until the job is over.
async function playWorker({ id, total }) {
  for (let done = 1; done <= total;) {
    await sleep(200 + 300 * Math.random());
    if (isOver(id)) return;
    if (cancelling.has(id)) continue;
    const report = done < total
      ? { done, message: `part ${done} of ${total} sent by this page` }
      : { state: 'completed', message: 'all parts sent by this page', result: { parts: total } };
    try {
      await call('PATCH', jobPath(id), report);
      done += 1;
    } catch (problem) {
      if (problem.status === 404 || problem.status === 409) return;  // deleted, or cancelled just now
      if (problem.status !== 0 && problem.status !== 503) throw problem;
      await sleep(Math.max(2_000, problem.retryAfterMs));  // the server is away for a while
    }
  }
}

async function cancel({ id }) {
  cancelling.add(id);
  await call('POST', `${jobPath(id)}/cancel`).finally(() => cancelling.delete(id));
}

async function confirmDelete(job) {
  byId('confirm-kind').textContent = job.kind ?? 'job';
  byId('confirm-id').textContent = job.id;
  const dialog = byId('confirm');
  dialog.returnValue = 'keep';
  dialog.showModal();
  await new Promise((closed) => dialog.addEventListener('close', closed, { once: true }));
  if (dialog.returnValue === 'delete') await call('DELETE', jobPath(job.id));
}

async function copyCommand() {
  // Without a secure context there is no clipboard to write to: select the text instead.
  getSelection().selectAllChildren(byId('curl'));
  await navigator.clipboard?.writeText(byId('curl').textContent);
  byId('copy').textContent = navigator.clipboard ? 'Copied' : 'Selected';
  await sleep(2_000);
  byId('copy').textContent = 'Copy';
}

// ---- The server line ----

const number = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
let statsTimer = 0;
let statsBefore = null;

async function pollStats() {
  clearTimeout(statsTimer);
  if (document.hidden || connection !== 'live') {
    statsBefore = null;
    return;
  }
  const stats = await call('GET', 'v1/stats').catch(() => null);
  const now = performance.now();
  const perSecond = stats && statsBefore
    ? Math.max(0, (stats.eventsDelivered - statsBefore.eventsDelivered) / ((now - statsBefore.at) / 1_000))
    : null;
  write(byId('stat-connections'), stats ? number.format(stats.connections) : '–');
  write(byId('stat-streams'), stats ? number.format(stats.streams) : '–');
  write(byId('stat-lag'), stats ? `${number.format(stats.loopLagMs.p99)} ms` : '–');
  write(byId('stat-events'), perSecond === null ? '–' : `${number.format(Math.round(perSecond))}/s`);
  statsBefore = stats && { eventsDelivered: stats.eventsDelivered, at: now };
  clearTimeout(statsTimer);
  statsTimer = setTimeout(pollStats, STATS_EVERY_MS);
}

// ---- Beginning ----

const showing = (work) => work.catch(toast);  // what goes wrong for the user is shown to the user

for (const button of document.querySelectorAll('[data-start]')) {
  button.onclick = () => showing(start(button.dataset.start));
}
listenToRows((job) => showing(isFinished(job) ? confirmDelete(job) : cancel(job)));
byId('retry').onclick = openStream;
byId('copy').onclick = () => showing(copyCommand());
byId('curl').textContent = `curl ${new URL('v1/jobs', document.baseURI)} \\
  -H 'Content-Type: application/json' -d '{"runner": "timer", "kind": "media"}'`;
document.addEventListener('visibilitychange', pollStats);
openStream();
