// The page of one job, which has a stream of its own: what the job is, what became of it, and its
// events as they come.

import { byId, make, oncePerFrame, setAttribute, write } from './dom.js';
import { hasToken, jobPath } from './api.js';
import { copyOnClick, showing } from './dialog.js';
import { addEvent, addText, clearHistory } from './event_history.js';
import { EventStream } from './event_stream.js';
import * as format from './format.js';
import { cancel, remove } from './job_actions.js';
import { Bar, messageOf, rateOf, stepsOf, timeOf } from './job_row.js';
import { isFinished, jobOf, listenToArrivals, listenToRemovals } from './live_jobs.js';

const STREAM_WORDS = {
  connecting: 'connecting', live: 'following', waiting: 'reconnecting', over: 'the stream has ended',
  refused: 'refused',
};

let id = null;        // of the job that is shown; null: another page is
let job = null;       // what is known of it
let stream = null;
let isGone = false;
let isBegun = false;  // an event of it came
let bar = null;
let leave = () => {};

/// `back()` is called when the job that was shown has been deleted here.
export function startJobPage(back) {
  leave = back;
  bar = new Bar(byId('job-bar'));
  byId('job-cancel').onclick = () => showing(cancel(job));
  byId('job-delete').onclick = () => showing(remove(job).then((wasDeleted) => wasDeleted && leave()));
  copyOnClick(byId('copy-follow'), byId('follow-command'));
  for (const button of document.querySelectorAll('[data-shows]')) button.onclick = () => choose(button.dataset.shows);
  // Its own stream says nothing of a job that is deleted after its end.
  listenToRemovals((one) => {
    if (one.id !== id || !job) return;
    isGone = true;
    drawSoon();
  });
  listenToArrivals((one) => {
    if (one.id !== id || !isGone) return;
    if (one.createdAt !== job.createdAt) return openJobPage(id);  // made anew under its id
    isGone = false;
    stream.retryNow();
    drawSoon();
  });
}

export function openJobPage(wanted) {
  closeJobPage();
  id = wanted;
  job = jobOf(id) ? { ...jobOf(id) } : null;
  isGone = isBegun = false;
  byId('events-before').hidden = true;
  clearHistory();
  choose('events');
  write(byId('job-id'), id);
  const url = new URL(`${jobPath(id)}/events`, document.baseURI);
  const token = hasToken() ? ' -H "Authorization: Bearer $TOKEN"' : '';
  write(byId('follow-command'), `curl -N${token} '${url}'`);
  byId('job-missing').hidden = true;
  byId('job-shown').hidden = job === null;
  byId('job-loading').hidden = job !== null;
  stream = new EventStream(`${jobPath(id)}/events`, {
    onEvent, onState, onText: addText, isOver: () => job !== null && isFinished(job),
  });
  stream.open();
  if (job) draw();
}

export function closeJobPage() {
  stream?.close();
  stream = null;
  id = null;
}

function onEvent(event) {
  addEvent(event);
  // The server tells who comes after the end how the job ended, and nothing of how it came to that.
  if (!isBegun) byId('events-before').hidden = !isFinished(event.data);
  isBegun = true;
  if (event.type === 'gap') return;  // a snapshot follows
  job = { ...job, ...event.data, eventId: event.id };
  drawSoon();
}

function onState({ name, problem }) {
  const hasGone = name === 'refused' && problem.status === 404 && job !== null;
  const shownAs = hasGone ? 'over' : name;
  write(byId('job-stream'), STREAM_WORDS[shownAs]);
  setAttribute(byId('job-stream'), 'data-state', shownAs);
  if (hasGone) {
    isGone = true;
    return drawSoon();
  }
  if (name !== 'refused' || problem.status === 401) return;
  byId('job-loading').hidden = true;
  byId('job-shown').hidden = true;
  byId('job-missing').hidden = false;
  write(byId('job-missing-title'), problem.status === 403 ? 'This job is somebody else’s' : 'No such job');
  write(byId('job-missing-text'), problem.status === 404
    ? 'It may have been deleted, or forgotten some time after its end.' : problem.sentence);
}

function choose(what) {
  for (const button of document.querySelectorAll('[data-shows]')) {
    setAttribute(button, 'aria-pressed', button.dataset.shows === what);
  }
  byId('events').hidden = what !== 'events';
  byId('raw').hidden = what !== 'raw';
}

const drawSoon = oncePerFrame(() => id !== null && job && draw());

function draw() {
  byId('job-loading').hidden = true;
  byId('job-shown').hidden = false;
  byId('job-gone').hidden = !isGone;
  const isLost = isGone && !isFinished(job);  // nobody knows what became of it
  byId('job-shown').dataset.state = isLost ? 'over' : job.state;
  write(byId('job-kind'), job.kind ?? job.id);
  byId('job-badge').hidden = isLost;
  write(byId('job-state'), job.state);
  write(byId('job-percent'), format.percent(job.percent ?? 0));
  write(byId('job-steps'), stepsOf(job));
  write(byId('job-pace'), isLost ? '' : [rateOf(job), timeOf(job)].filter(Boolean).join(', '));
  write(byId('job-message'), messageOf(job));
  bar.show(job);
  byId('job-cancel').hidden = isFinished(job) || isGone;
  byId('job-delete').hidden = isGone;
  const hasResult = job.result != null;
  byId('result-section').hidden = !hasResult;
  if (hasResult) write(byId('result'), JSON.stringify(job.result, null, 2));
  drawFacts();
}

const timeFact = (text) => (text ? format.fullTime(new Date(text)) : '–');

function drawFacts() {
  const facts = {
    Owner: job.owner, Runner: job.runner, Attempt: job.attempt, Created: timeFact(job.createdAt),
    Started: timeFact(job.startedAt), Finished: timeFact(job.finishedAt), 'Why it failed': job.failedReason,
    'Last event': job.eventId,
  };
  const list = byId('job-facts');
  if (list.childElementCount === 0) {
    for (const name of Object.keys(facts)) {
      const line = make('div');
      line.append(make('dt', { text: name }), make('dd', { dir: 'auto' }));
      list.append(line);
    }
  }
  Object.values(facts).forEach((value, index) => {
    const line = list.children[index];
    line.hidden = value == null;
    write(line.lastElementChild, value == null ? '' : String(value));
  });
}
