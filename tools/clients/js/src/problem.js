// What went wrong, as the server told it (RFC 9457), or as a stream noticed it.

export class ProgressdError extends Error {
  /** `status`: of the answer; 0 when there was none. `retryAfterMs`: what the server asked to wait. */
  constructor(message, status = 0, retryAfterMs = 0) {
    super(message);
    this.name = 'ProgressdError';
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }

  /** Whether the same request may go well later. */
  get retryable() {
    return this.status === 0 || this.status >= 500 || [408, 425, 429].includes(this.status);
  }

  static async of(response) {
    const told = await response.json().catch(() => ({}));
    const message = told?.detail || told?.title || `the server answered ${response.status}`;
    return new ProgressdError(message, response.status, retryAfterMs(response));
  }
}

// RFC 9110, 10.2.3: seconds, or a date.
function retryAfterMs(response) {
  const text = response.headers.get('Retry-After') ?? '';
  const ms = /^[0-9]+$/.test(text) ? 1_000 * Number(text) : Date.parse(text) - Date.now();
  return ms > 0 ? ms : 0;  // NaN is not
}
