// Requests to this server, with the token that was pasted, if one was. What goes wrong is a Problem
// in words. URLs are relative, so that the page also works behind a proxy that gives it a path.
//
// The token stands in sessionStorage: it is gone with the tab.

const TOKEN_KEY = 'progressd-token';
const PATIENCE_MS = 15_000;  // for an answer; a stream has its own

const ADMIN_SCOPE = 'jobs:admin';
export const jobPath = (id) => `v1/jobs/${encodeURIComponent(id)}`;

let token = kept();
let onUnauthorized = () => {};

function kept() {
  try {
    return sessionStorage.getItem(TOKEN_KEY);
  } catch {
    return null;  // a browser that keeps nothing for this page
  }
}

export class Problem extends Error {
  constructor(status, detail, retryAfterMs = 0) {
    super(detail);
    this.status = status;  // 0: no answer at all
    this.retryAfterMs = retryAfterMs;
  }

  /// A sentence, with the status where there was one.
  get sentence() {
    const text = this.message.replace(/\.$/, '');
    const begun = text.charAt(0).toUpperCase() + text.slice(1);
    return this.status ? `${begun} (${this.status}).` : `${begun}.`;
  }
}

/// `tell(problem)` is called on each 401.
export function listenForUnauthorized(tell) {
  onUnauthorized = tell;
}

export const hasToken = () => token !== null;

export function useToken(text) {
  token = text;
  try {
    if (text === null) sessionStorage.removeItem(TOKEN_KEY);
    else sessionStorage.setItem(TOKEN_KEY, text);
  } catch {
    // It holds for this visit.
  }
}

/// What a token says of itself, `{sub, scopes, expiresAt}`, unchecked; null when it is none.
export function claimsOf(text) {
  try {
    const payload = text.split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes));
    return {
      sub: typeof claims.sub === 'string' ? claims.sub : null,
      scopes: typeof claims.scope === 'string' ? claims.scope.split(' ').filter(Boolean) : [],
      expiresAt: Number.isFinite(claims.exp) ? new Date(claims.exp * 1_000) : null,
    };
  } catch {
    return null;
  }
}

export const claims = () => (token === null ? null : claimsOf(token));

/// Whether everything may be seen, as far as the page knows: without a token that is for the server
/// to say, as there may be no authentication, or a cookie.
export const mayOperate = () => claims()?.scopes.includes(ADMIN_SCOPE) ?? true;

async function problemOf(answer) {
  const told = await answer.json().catch(() => ({}));
  const detail = told.detail || told.title || 'The server gave no reason';
  return new Problem(answer.status, detail, 1_000 * (Number(answer.headers.get('Retry-After')) || 0));
}

/// The answer, if it is a good one. Another token than the page's is for trying one.
export async function request(path, { headers = {}, withToken = token, ...options } = {}) {
  const authorization = withToken === null ? {} : { Authorization: `Bearer ${withToken}` };
  const answer = await fetch(path, { ...options, headers: { ...headers, ...authorization } }).catch((error) => {
    if (error.name === 'AbortError') throw error;
    throw new Problem(0, 'The server does not answer');
  });
  if (answer.ok) return answer;
  const problem = await problemOf(answer);
  if (problem.status === 401 && withToken === token) onUnauthorized(problem);
  throw problem;
}

export async function call(method, path, body, options = {}) {
  const sent = body ? { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) } : {};
  const answer = await request(path, { method, signal: AbortSignal.timeout(PATIENCE_MS), ...sent, ...options });
  if (answer.status === 204) return null;
  return (answer.headers.get('Content-Type') ?? '').includes('json') ? answer.json() : answer.text();
}
