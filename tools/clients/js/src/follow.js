// What callers hold in their hands: one followed job, or all of their own.

import { TERMINAL } from './mirror.js';
import { pageOf } from './page.js';
import { ProgressdError } from './problem.js';
import { settingsOf } from './settings.js';
import { Stream } from './stream.js';

/** Ids remembered by each following, so that a hub which goes on from further back tells nothing twice. */
const TOLD_MAX = 1_024;

/** Calls the caller's own function. What it throws is the caller's fault, and stops nothing here. */
export function call(own, ...told) {
  try {
    own?.(...told);
  } catch (error) {
    queueMicrotask(() => { throw error; });
  }
}

class Following {
  jobs = new Map();
  connection = 'connecting';
  #options;
  #page;
  #settle;
  #signal;
  #told = new Set();
  #abort = () => this.#end((settle) => settle.reject(this.#signal.reason));

  /** `id`: null for all of the caller's own jobs. */
  constructor(id, options) {
    this.id = id;
    this.#options = options;
    this.#signal = options.signal;
    this.done = new Promise((resolve, reject) => { this.#settle = { resolve, reject }; });
    this.done.catch(() => {});  // who does not ask is not bothered
    this.#page = pageOf(settingsOf(options), options.share ?? true);
    this.#page.add(this);
    if (this.#signal?.aborted) this.#abort();
    else this.#signal?.addEventListener('abort', this.#abort);
  }

  get job() {
    return this.jobs.get(this.id) ?? null;
  }

  close() {
    this.#end((settle) => settle.reject(new DOMException('the following was closed', 'AbortError')));
  }

  /** Whether it has heard of that event, or of a later one. `job`: whose it is. */
  wasTold(eventId, job) {
    return this.#told.has(eventId) || this.jobs.get(job)?.eventId === eventId;
  }

  /** It has heard of that event, and of all before. */
  note(eventId) {
    this.#told.add(eventId);
    if (this.#told.size > TOLD_MAX) this.#told.delete(this.#told.values().next().value);
  }

  /** `job`: how it stands after the event; undefined when there is none (gap, removed). */
  take(event, job) {
    if (this.connection === 'closed') return;
    if (event.type === 'gap') this.#told.clear();  // all is told anew
    else this.note(event.data.eventId ?? event.id);
    if (event.type === 'removed') this.jobs.delete(event.data.id);
    else if (event.type === 'gap') this.jobs.clear();
    else this.jobs.set(job.id, job);
    call(this.#options.onEvent, event);
    if (job) call(this.#options.onJob, job);
    if (this.id === null) return;
    if (event.type === 'removed') this.fail(new ProgressdError('the job was removed', 404));
    else if (TERMINAL.includes(job?.state)) this.#end((settle) => settle.resolve(job));
  }

  fail(problem) {
    this.#end((settle) => {
      call(this.#options.onError, problem);
      settle.reject(problem);
    });
  }

  setConnection(connection) {
    if (this.connection === connection || this.connection === 'closed') return;
    this.connection = connection;
    call(this.#options.onConnection, connection);
  }

  #end(settle) {
    if (this.connection === 'closed') return;
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#page.delete(this);
    this.setConnection('closed');
    settle(this.#settle);
  }
}

export const followJob = (id, options = {}) => new Following(id, options);

export const followMine = (options = {}) => new Following(null, options);

/** Any event stream of the server, kept open by its last event id; `data` is text. */
export function openStream(path, options = {}) {
  const stream = new Stream(() => path, settingsOf(options), {
    onEvent: (event) => call(options.onEvent, event),
    onConnection: (connection) => call(options.onConnection, connection),
    onRefused: (problem) => {
      if (problem.status !== 204) call(options.onError, problem);  // 204 is an end, and no error
    },
  });
  if (options.signal?.aborted) stream.close();
  options.signal?.addEventListener('abort', () => stream.close());
  return stream;
}
