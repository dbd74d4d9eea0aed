// How long to wait before trying again: exponential, with full jitter, so that the readers of a
// server that restarts do not come back all at once.

export const RETRY_MS = 1_000;      // the longest first wait, unless the server says another (`retry:`)
export const RETRY_MS_MAX = 30_000;

export class Backoff {
  #tries = 0;
  #random;

  constructor(retryMs = RETRY_MS, random = Math.random) {
    this.retryMs = retryMs;
    this.#random = random;
  }

  /** Milliseconds; on top of `atLeastMs`, which is what the server asked for. */
  next(atLeastMs = 0) {
    const longest = Math.min(RETRY_MS_MAX, this.retryMs * 2 ** this.#tries);
    this.#tries += 1;
    return atLeastMs + this.#random() * longest;
  }

  reset() {
    this.#tries = 0;
  }
}
