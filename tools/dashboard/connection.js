// How the stream of jobs is doing: a word in the top line, and a bar across the page when something
// is wrong, with the time until the next try.

import { byId, write } from './dom.js';
import { timeOfDay } from './format.js';
import { jobCount, retryNow } from './live_jobs.js';

const TICK_MS = 250;
const WORDS = {
  connecting: 'Connecting', live: 'Live', reconnecting: 'Reconnecting', refused: 'Refused', 'signed-out': 'Signed out',
};

let ticking = 0;
let lostAt = null;
let lastProblem = null;  // since it was live

export function startConnection() {
  byId('retry').onclick = retryNow;
  addEventListener('online', retryNow);
}

/// `state`: of the EventStream.
export function showConnection(state) {
  clearInterval(ticking);
  const name = shownAs(state);
  byId('connection').dataset.state = name;
  write(byId('connection-word'), WORDS[name]);
  if (name === 'live') lostAt = lastProblem = null;
  else lostAt ??= new Date();
  if (state.problem) lastProblem = state.problem;
  // A stream that ended cleanly comes back at once, and nobody has to read of it.
  document.body.classList.toggle('stale', lastProblem !== null);
  const isHidden = lastProblem === null || lastProblem.status === 401;
  if (isHidden && document.activeElement === byId('retry')) byId('main').focus();
  byId('notice').hidden = isHidden;
  byId('notice').dataset.state = name;
  if (!isHidden) write(byId('notice-text'), sentenceFor(lastProblem));
  if (state.name !== 'waiting') return write(byId('notice-wait'), state.name === 'connecting' ? 'Trying now…' : '');
  const tick = () => {
    const seconds = Math.max(0, Math.ceil((state.retryAt - Date.now()) / 1_000));
    write(byId('notice-wait'), `Trying again in ${seconds} s.`);
  };
  ticking = setInterval(tick, TICK_MS);
  tick();
}

function shownAs({ name, problem, again }) {
  if (problem?.status === 401 || name === 'closed') return 'signed-out';
  if (name === 'waiting' || (name === 'connecting' && again)) return 'reconnecting';
  return name === 'over' ? 'reconnecting' : name;
}

function sentenceFor(problem) {
  const since = lostAt && jobCount() > 0 ? ` What you see is from ${timeOfDay(lostAt)}.` : '';
  if (problem.status === 503) return `The server is shutting down, or overloaded: ${problem.sentence}${since}`;
  return `${problem.sentence}${since}`;
}
