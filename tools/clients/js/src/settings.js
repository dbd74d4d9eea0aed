// What the caller chose, with the defaults filled in.

/** Three keepalives of the server: silence for so long means that a connection is dead. */
export const STALL_MS = 45_000;

export function settingsOf(options = {}) {
  const { baseUrl = '', token, user, credentials = 'same-origin', retryMs, stallMs = STALL_MS } = options;
  // An EventSource cannot send an Authorization header.
  const usual = token || typeof EventSource === 'undefined' ? 'fetch' : 'eventsource';
  return {
    baseUrl: absolute(baseUrl),
    token,
    user,
    credentials,
    transport: options.transport ?? usual,
    retryMs,
    stallMs,
  };
}

// A worker would resolve a relative URL against its own script. Node has nothing to resolve it with.
function absolute(baseUrl) {
  const base = typeof location === 'undefined' ? undefined : location.origin;
  return new URL(baseUrl || '/', base).href.replace(/\/$/, '');
}

export async function authorization({ token }) {
  const value = typeof token === 'function' ? await token() : token;
  return value ? { Authorization: `Bearer ${value}` } : {};
}
