// A stream that stays: it comes back from every cut by its last event id, until it is closed or
// refused for good. Nothing of it runs while the page sleeps.
//
//   connecting ─► open ─► reconnecting ─► open … ─► closed

import { Backoff } from './backoff.js';
import { isAsleep, watchSleep } from './page_sleep.js';
import { ProgressdError } from './problem.js';
import { readByEventSource, readByFetch } from './transport.js';

/** A stream that brought an event, or lasted so long, was a good one: the next wait is a short one. */
const SETTLED_MS = 5_000;

export class Stream {
  #path;
  #settings;
  #listener;
  #lastEventId;
  #connection = 'connecting';
  #interrupt = () => {};  // ends the attempt or the wait that is under way
  #unwatch;

  /**
   * `path()`: what to ask for, each time anew. `settings`: from settingsOf().
   * The listener's methods, all optional but the first:
   *   onEvent({type, id, data}), data still text;
   *   onConnection('open' | 'reconnecting' | 'closed');
   *   onRefused(problem): a promise of 'now' or 'later' when it is to be tried again nevertheless.
   */
  constructor(path, settings, listener, lastEventId = '') {
    this.#path = path;
    this.#settings = settings;
    this.#listener = listener;
    this.#lastEventId = lastEventId;
    this.#unwatch = watchSleep(() => this.#interrupt());
    this.#run();
  }

  get connection() {
    return this.#connection;
  }

  get closed() {
    return this.#connection === 'closed';
  }

  close() {
    if (this.closed) return;
    this.#unwatch();
    this.#say('closed');
    this.#interrupt();
  }

  async #run() {
    const backoff = new Backoff(this.#settings.retryMs);
    while (!this.closed) {
      if (isAsleep()) {
        await this.#wait(Infinity);
        continue;
      }
      const { problem, isQuiet } = await this.#attempt(backoff);
      if (this.closed || isAsleep() || isQuiet) continue;
      if (problem && !problem.retryable) {
        const again = await this.#listener.onRefused?.(problem);
        if (again === 'now') continue;
        if (!again) this.close();
      }
      if (this.closed) return;
      this.#say('reconnecting');
      await this.#wait(backoff.next(problem?.retryAfterMs));
    }
  }

  // Never throws: what went wrong is in the answer's `problem`.
  async #attempt(backoff) {
    const { transport, stallMs } = this.#settings;
    const attempt = new AbortController();
    let openedAt = 0;
    let isGood = false;
    let stalled = false;
    let timer = 0;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        stalled = true;
        attempt.abort();
      }, stallMs);
    };
    const whileHere = (take) => (value) => {
      if (!attempt.signal.aborted) take(value);
    };
    const reading = (transport === 'fetch' ? readByFetch : readByEventSource)(this.#url(), this.#settings, {
      signal: attempt.signal,
      onOpen: whileHere(() => {
        alive();
        openedAt = Date.now();
        this.#say('open');
      }),
      onBytes: whileHere(alive),
      onRetry: (ms) => { backoff.retryMs = ms; },
      onEvent: whileHere((event) => {
        alive();
        isGood = true;
        if (event.id) this.#lastEventId = event.id;  // one without an id moves nothing
        this.#listener.onEvent(event);
      }),
    });
    alive();
    const aborted = new Promise((end) => {
      attempt.signal.addEventListener('abort', end);
      this.#interrupt = () => attempt.abort();
    });
    const problem = await Promise.race([reading, aborted]).then(() => null, asProblem);
    clearTimeout(timer);
    attempt.abort();
    reading.catch(() => {});  // what an aborted attempt still has to say
    if (isGood || (openedAt > 0 && Date.now() - openedAt >= SETTLED_MS)) backoff.reset();
    // An EventSource hides keepalives, so its silence says nothing. It is opened anew in case it is
    // dead, which loses no event and is nobody's trouble. A silent fetch stream is dead.
    return { problem, isQuiet: stalled && openedAt > 0 && transport === 'eventsource' };
  }

  #url() {
    const path = this.#path();
    const url = this.#settings.baseUrl + path;
    if (this.#lastEventId === '') return url;
    // Not as a header: an EventSource could not send it, and fetch would need a CORS preflight.
    return `${url}${path.includes('?') ? '&' : '?'}lastEventId=${encodeURIComponent(this.#lastEventId)}`;
  }

  // Up to `ms`; less when the network or the page comes back, or the stream is closed.
  async #wait(ms) {
    let timer = 0;
    let end = () => {};
    await new Promise((resolve) => {
      end = () => resolve(null);
      this.#interrupt = end;
      if (ms < Infinity) timer = setTimeout(end, ms);
      globalThis.addEventListener?.('online', end);
    });
    clearTimeout(timer);
    globalThis.removeEventListener?.('online', end);
  }

  #say(connection) {
    if (this.#connection === connection || this.closed) return;
    this.#connection = connection;
    this.#listener.onConnection?.(connection);
  }
}

// Whatever a caller's token function throws counts as a network that fails: it is tried again.
const asProblem = (error) => (error instanceof ProgressdError ? error : new ProgressdError(String(error)));
