// Changes of state for screen readers, gathered for a while: many at once become a count.

import { byId } from './dom.js';
import { STATES, listenToStates } from './live_jobs.js';

const GATHER_MS = 2_000;
const NAMED_MAX = 3;

let changed = [];

export function announceStates() {
  listenToStates((job) => {
    if (changed.push({ name: `${job.kind ?? 'job'} ${job.id}`, state: job.state }) === 1) setTimeout(speak, GATHER_MS);
  });
}

function announce(text) {
  byId('announcer').textContent = text;
}

function speak() {
  const heard = changed;
  changed = [];
  const sentences = heard.length <= NAMED_MAX
    ? heard.map(({ name, state }) => `${name} ${state}`)
    : STATES.map((state) => [heard.filter((one) => one.state === state).length, state])
        .filter(([n]) => n > 0).map(([n, state]) => `${n} jobs ${state}`);
  announce(`${sentences.join(', ')}.`);
}
