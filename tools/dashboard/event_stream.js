// One event stream, over fetch and not EventSource, because fetch
//   - sends the token as every other request does: a ticket would be good for a minute, and a break
//     may last longer;
//   - tells why it was refused: a 401 asks for a token, a 503 is tried again, a 403 is not;
//   - hands over the text as it came, for those who want to see it.
// It resumes by Last-Event-ID, so nothing is missed and nothing comes twice.
//
//   connecting ─► live ─► waiting ─► connecting …      over: the server says that it has ended
//        └──────► waiting, or refused: trying again would not help

import { EventStreamParser } from './event_stream_parser.js';
import { Problem, request } from './api.js';

const BACKOFF_MS_MIN = 1_000;
const BACKOFF_MS_MAX = 30_000;
const SILENCE_MS_MAX = 90_000;  // the server says something every 15 s, unless it is told otherwise
const PASSING = [0, 408, 425, 429, 500, 502, 503, 504];  // what another try may do away with

export class EventStream {
  #path;
  #take;
  #lastEventId = '';
  #retryMs = BACKOFF_MS_MIN;
  #failures = 0;      // in a row
  #abort = null;      // of the try under way; null when closed
  #wake = () => {};   // ends a wait
  state = { name: 'closed' };

  /// `onEvent({type, id, data})`; `onState({name, problem?, retryAt?})`; `onText(text)`: as it came;
  /// `isOver()`: whether an end is the end, and not to be resumed from.
  constructor(path, { onEvent, onState, onText = null, isOver = () => false }) {
    this.#path = path;
    this.#take = { onEvent, onState, onText, isOver };
  }

  open() {
    this.#abort = new AbortController();
    this.#run(this.#abort.signal);
  }

  close() {
    this.#abort?.abort();
    this.#abort = null;
    this.#wake();
    this.state = { name: 'closed' };
  }

  retryNow() {
    if (this.state.name === 'waiting') this.#wake();
    else if (this.state.name === 'refused') this.open();
  }

  #become(name, more = {}) {
    this.state = { name, ...more };
    this.#take.onState(this.state);
  }

  async #run(closed) {
    while (!closed.aborted) {
      this.#become('connecting', { again: this.#failures > 0 });
      let problem = null;
      const end = await this.#follow(closed).catch((error) => {
        if (!(error instanceof Problem)) throw error;
        problem = error;
      });
      if (closed.aborted) return;
      if (end === 'over' || (end === 'ended' && this.#take.isOver())) return this.#become('over');
      if (problem && !PASSING.includes(problem.status)) return this.#become('refused', { problem });
      this.#failures += 1;
      const waitMs = problem ? this.#backoffMs(problem) : this.#retryMs;
      const woken = new Promise((wake) => (this.#wake = wake));
      const timer = setTimeout(() => this.#wake(), waitMs);
      this.#become('waiting', { problem, retryAt: Date.now() + waitMs });
      await woken;
      clearTimeout(timer);
    }
  }

  #backoffMs(problem) {
    const backoffMs = Math.min(BACKOFF_MS_MIN * 2 ** (this.#failures - 1), BACKOFF_MS_MAX);
    return Math.max(backoffMs * (0.75 + Math.random() / 4), problem.retryAfterMs);
  }

  /// Follows it to its end, which is 'ended', or 'over' for good. What breaks it off is a Problem.
  async #follow(closed) {
    const silence = new AbortController();
    const brokenOff = (error) => {
      if (error instanceof Problem) throw error;
      throw new Problem(0, silence.signal.aborted ? 'The server has gone quiet' : 'The connection was lost');
    };
    let timer = 0;
    const listen = () => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS_MAX);
    };
    const headers = { Accept: 'text/event-stream' };
    if (this.#lastEventId) headers['Last-Event-ID'] = this.#lastEventId;
    listen();
    try {
      const signal = AbortSignal.any([closed, silence.signal]);
      const answer = await request(this.#path, { headers, signal }).catch(brokenOff);
      if (answer.status === 204) return 'over';
      this.#failures = 0;
      this.#become('live');
      const reader = answer.body.getReader();
      const parser = this.#parser();
      const decoder = new TextDecoder();
      for (;;) {
        const { done, value } = await reader.read().catch(brokenOff);
        if (done || closed.aborted) return 'ended';
        listen();
        this.#take.onText?.(decoder.decode(value, { stream: true }));
        parser.push(value);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #parser() {
    return new EventStreamParser({
      onRetry: (ms) => (this.#retryMs = ms),
      onEvent: (event) => {
        if (event.id) this.#lastEventId = event.id;
        this.#take.onEvent({ ...event, data: JSON.parse(event.data) });
      },
    });
  }
}
