// Whether a page shares its hub with the other tabs of its origin, and by what means.
//
//   SharedWorker         where there is one: all tabs ask it to run the hub
//   Web Locks            else, or when the worker cannot be loaded: a tab is elected
//   neither, or not a page, or nobody knows who the user is: the page has a hub of its own
//
// Tabs of different users never share. The user is who the page says; else whose the token is. A page
// without a token may have a cookie that it cannot read, and other tabs may be an earlier user's: it
// shares only where the server answers a request without cookies, as there all users are the same.

import { locks } from './hub_host.js';

const ANSWER_MS_MAX = 5_000;  // of the worker, of the server

/** Servers that answered anybody, by base URL. */
const open = new Set();

/** The scope's name, once somebody stands ready to be its hub; null when nothing is shared. */
export async function joinScope(share, settings) {
  if (!share || typeof document === 'undefined' || typeof BroadcastChannel === 'undefined') return null;
  const user = settings.user ?? await userOf(settings);
  if (user === null) return null;
  const scope = `progressd ${settings.baseUrl} ${settings.transport} ${user}`;
  // A token stays with its page: a worker could not ask the page's function for a fresh one.
  const worker = share !== 'tabs' && !settings.token && typeof SharedWorker !== 'undefined';
  if (worker && await isInLine(scope, settings)) return scope;
  return locks() ? scope : null;
}

async function userOf({ token, baseUrl }) {
  if (!token) return await isOpen(baseUrl) ? '' : null;
  try {  // not the token itself: one that was renewed changes nothing
    const [, claims] = (typeof token === 'function' ? await token() : token).split('.');
    const bytes = atob(claims.replace(/-/g, '+').replace(/_/g, '/'));
    const { sub } = JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (c) => c.charCodeAt(0))));
    return typeof sub === 'string' ? sub : null;
  } catch {
    return null;  // not a JWT
  }
}

// What asks for a cookie may also send the request to its log-in page.
async function isOpen(baseUrl) {
  if (open.has(baseUrl)) return true;
  const signal = AbortSignal.timeout(ANSWER_MS_MAX);
  /** @type {RequestInit} */
  const init = { credentials: 'omit', redirect: 'manual', cache: 'no-store', signal };
  const answer = await fetch(`${baseUrl}/v1/jobs?limit=1`, init).catch(() => null);
  answer?.body?.cancel();
  if (answer?.ok) open.add(baseUrl);
  return open.has(baseUrl);
}

function isInLine(scope, settings) {
  return new Promise((answer) => {
    try {
      // Bundlers look for exactly this expression.
      const worker = new SharedWorker(new URL('./shared_worker.js', import.meta.url), { type: 'module' });
      worker.onerror = () => answer(false);  // its script cannot be loaded
      worker.port.onmessage = () => answer(true);
      worker.port.postMessage({ scope, settings });
      setTimeout(answer, ANSWER_MS_MAX, false);
    } catch {
      answer(false);  // a module from another origin, or a policy
    }
  });
}
