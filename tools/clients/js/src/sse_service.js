// Per-user progress channels, by the names of an existing front end's sseService.

import { call, openStream } from './follow.js';
import { request } from './requests.js';

const path = (what, userId) => `/api/v1/sse/progress/${what}${encodeURIComponent(userId)}`;

const noCallbacks = () => ({ progress: new Set(), error: new Set(), connection: new Set() });

export class SseService {
  #options;
  #stream = null;
  #callbacks = noCallbacks();

  constructor(options = {}) {
    this.#options = options;
  }

  /** For the shared `sseService`: where the server is, and the token. */
  configure(options) {
    this.#options = options;
  }

  /** Resolves when the stream is open. Rejects when it is refused, or disconnected before that. */
  connect(userId) {
    this.#stream?.close();
    return new Promise((resolve, reject) => {
      this.#stream = openStream(path('stream/', userId), {
        ...this.#options,
        onEvent: ({ data }) => this.#tell('progress', JSON.parse(data)),
        onConnection: (connection) => {
          this.#tell('connection', connection);
          if (connection === 'open') resolve();
          if (connection === 'closed') reject(new DOMException('disconnected', 'AbortError'));
        },
        onError: (problem) => {
          this.#tell('error', problem);
          reject(problem);
        },
      });
    });
  }

  /** Ends the stream, and what was registered: who connects again registers again before. */
  disconnect() {
    this.#stream?.close();
    this.#stream = null;
    this.#callbacks = noCallbacks();
  }

  get isConnected() {
    return this.#stream?.connection === 'open';
  }

  /** Each gives the function that takes the callback back. */
  onProgress(callback) { return this.#on('progress', callback); }
  onError(callback) { return this.#on('error', callback); }
  onConnection(callback) { return this.#on('connection', callback); }

  /** The latest progress, or null. */
  checkProgress(userId) {
    return request('GET', path('status/', userId), undefined, this.#options);
  }

  /** Has the server forget the user's progress. */
  cleanupProgress(userId) {
    return request('DELETE', path('', userId), undefined, this.#options);
  }

  #on(what, callback) {
    const callbacks = this.#callbacks[what];
    callbacks.add(callback);
    return () => callbacks.delete(callback);
  }

  #tell(what, value) {
    for (const callback of [...this.#callbacks[what]]) call(callback, value);
  }
}

export const sseService = new SseService();
