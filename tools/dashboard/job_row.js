// A job as one row of the list, and its bar, which the job's own page has too.

import { copyOf, partsOf, setAttribute, write } from './dom.js';
import * as format from './format.js';
import { isFinished } from './live_jobs.js';

const GLIDE_MS_MIN = 80;
const GLIDE_MS_MAX = 1_000;

const nameOf = (job) => `${job.kind ?? 'job'} ${job.id}`;
export const messageOf = (job) => (job.state === 'failed' && job.failedReason) || job.message || '';
export const hrefOf = (job) => `#/jobs/${encodeURIComponent(job.id)}`;

/// "3 of 10".
export const stepsOf = (job) => `${format.count(job.done ?? 0)} of ${format.count(job.total ?? 0)}`;

/// How long there is to go, or how long it took.
export function timeOf(job) {
  if (!isFinished(job)) return job.etaSeconds == null ? '' : `${format.duration(job.etaSeconds)} left`;
  const seconds = format.secondsTaken(job);
  return seconds === null ? '' : `took ${format.duration(seconds)}`;
}

export const rateOf = (job) =>
  isFinished(job) || job.ratePerSecond == null ? '' : `${format.rate(job.ratePerSecond)}/s`;

export class Bar {
  #fill;
  #percent = null;
  #movedAt = 0;

  constructor(element) {
    this.element = element;
    this.#fill = element.firstElementChild;
  }

  /// It glides for as long as the last step took, so that it arrives when the next is due.
  show(job) {
    const target = job.percent ?? 0;
    setAttribute(this.element, 'aria-label', `Progress of ${nameOf(job)}`);
    if (target === this.#percent) return;
    const now = performance.now();
    const forward = this.#percent !== null && target > this.#percent;
    const lastStepMs = Math.min(Math.max(now - this.#movedAt, GLIDE_MS_MIN), GLIDE_MS_MAX);
    const glideMs = isFinished(job) ? GLIDE_MS_MIN * 2 : lastStepMs;
    this.#fill.style.transitionDuration = `${forward ? Math.round(glideMs) : 0}ms, 300ms, 300ms`;
    this.#fill.style.transform = `translateX(${target - 100}%)`;
    setAttribute(this.element, 'aria-valuenow', target);
    setAttribute(this.element, 'aria-valuetext', format.percent(target));
    this.#percent = target;
    this.#movedAt = now;
  }
}

export class JobRow {
  #parts;
  #bar;
  #y = -1;

  /// `onAct(job)` is called when the row's button is pressed.
  constructor(job, onAct) {
    this.job = job;
    this.element = copyOf('row');
    this.#parts = partsOf(this.element);
    this.#bar = new Bar(this.#parts.bar);
    this.#parts.act.onclick = () => onAct(this.job);
    this.#parts.id.href = hrefOf(job);
    write(this.#parts.id, job.id);
    this.#parts.id.title = job.id;
    this.element.dataset.id = job.id;
    this.write();
  }

  place(index, y, isCurrent) {
    setAttribute(this.element, 'aria-rowindex', index + 2);  // the first is the head's
    this.element.tabIndex = isCurrent ? 0 : -1;
    this.#parts.act.tabIndex = isCurrent ? 0 : -1;
    if (y === this.#y) return;
    this.element.style.transform = `translateY(${y}px)`;
    this.#y = y;
  }

  write() {
    const { job } = this;
    const parts = this.#parts;
    if (this.element.dataset.state !== job.state) {
      this.element.dataset.state = job.state;
      write(parts.state, job.state);
      write(parts.act, isFinished(job) ? 'Delete' : 'Cancel');
      parts.act.setAttribute('aria-label', `${parts.act.textContent} ${nameOf(job)}`);
    }
    write(parts.kind, job.kind ?? '');  // without one the id is its title
    write(parts.owner, job.owner ?? '');
    write(parts.runner, job.attempt > 1 ? `${job.runner}, attempt ${job.attempt}` : job.runner ?? '');
    write(parts.percent, format.percent(job.percent ?? 0));
    write(parts.steps, stepsOf(job));
    write(parts.time, timeOf(job));
    write(parts.rate, rateOf(job));
    write(parts.created, format.shortTime(new Date(job.createdAt)));
    const message = messageOf(job);
    write(parts.message, message);
    parts.message.title = message;
    parts.owner.title = job.owner ?? '';
    parts.kind.title = job.kind ?? '';
    this.#bar.show(job);
  }
}
