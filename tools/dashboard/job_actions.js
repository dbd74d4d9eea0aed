// What can be done to a job, and the demo jobs.

import { Problem, call, jobPath } from './api.js';
import { sleep } from './dom.js';
import { confirmDelete } from './dialog.js';
import { isFinished, jobOf } from './live_jobs.js';

const STEP_MS_MIN = 200;   // between two reports of the page's own worker
const STEP_MS_SPREAD = 300;
const AWAY_MS = 2_000;     // before a report is made again to a server that is away

const DEMO_JOBS = {
  timer: { runner: 'timer', kind: 'media', total: 100, stepMs: 100, message: 'a step every 100 ms' },
  cpu: { runner: 'cpu', kind: 'character', total: 100, stepWork: 20, message: 'steps of 20 ms of CPU' },
  // Hidden pages get few timer ticks; a closed one gets none, and then the job fails as stalled.
  external: { runner: 'external', kind: 'upload', total: 40, stallAfterMs: 120_000 },
};

export async function startDemo(runner) {
  const job = await call('POST', 'v1/jobs', DEMO_JOBS[runner]);
  if (runner === 'external') await playWorker(job);
}

const cancelling = new Set();  // ids that the page's own worker leaves alone meanwhile

// What somebody's own worker does, played by this page until the job is over.
async function playWorker({ id, total }) {
  for (let done = 1; done <= total;) {
    await sleep(STEP_MS_MIN + STEP_MS_SPREAD * Math.random());
    const known = jobOf(id);
    if (known && isFinished(known)) return;
    if (cancelling.has(id)) continue;
    const report = done < total
      ? { done, message: `part ${done} of ${total} sent by this page` }
      : { state: 'completed', message: 'all parts sent by this page', result: { parts: total } };
    try {
      await call('PATCH', jobPath(id), report);
      done += 1;
    } catch (problem) {
      if (problem.status === 403) {
        await cancel({ id });  // nobody else works on it
        throw new Problem(403, 'Reporting takes the scope jobs:report');
      }
      if ([404, 409].includes(problem.status)) return;  // deleted, or cancelled just now
      if (problem.status !== 0 && problem.status !== 503) throw problem;
      await sleep(Math.max(AWAY_MS, problem.retryAfterMs));  // the server is away for a while
    }
  }
}

export async function cancel({ id }) {
  cancelling.add(id);
  await call('POST', `${jobPath(id)}/cancel`).finally(() => cancelling.delete(id));
}

/// True when it was deleted: the user may say no.
export async function remove(job) {
  if (!(await confirmDelete(job))) return false;
  await call('DELETE', jobPath(job.id));
  return true;
}

/// The one thing that a row's button does.
export const act = (job) => (isFinished(job) ? remove(job) : cancel(job));
