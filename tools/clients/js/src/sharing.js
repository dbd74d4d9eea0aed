// Whether a page shares its hub with the other tabs of its origin, and by what means.
//
//   SharedWorker         where there is one: all tabs ask it to run the hub
//   Web Locks            else, or when the worker cannot be loaded: a tab is elected
//   neither, or not a page, or a token that does not say whose it is: the page has a hub of its own

import { locks } from './hub_host.js';

const WORKER_ANSWER_MS_MAX = 5_000;

/** The scope's name, once somebody stands ready to be its hub; null when nothing is shared. */
export async function joinScope(share, settings) {
  if (!share || typeof document === 'undefined' || typeof BroadcastChannel === 'undefined') return null;
  const user = settings.token ? await userOf(settings.token) : '';
  if (user === null) return null;
  const scope = `progressd ${settings.baseUrl} ${settings.transport} ${user}`;
  // A token stays with its page: a worker could not ask the page's function for a fresh one.
  const worker = share !== 'tabs' && !settings.token && typeof SharedWorker !== 'undefined';
  if (worker && await isInLine(scope, settings)) return scope;
  return locks() ? scope : null;
}

// So that tabs of different users never share, and a token that was renewed changes nothing.
async function userOf(token) {
  try {
    const [, claims] = (typeof token === 'function' ? await token() : token).split('.');
    const bytes = atob(claims.replace(/-/g, '+').replace(/_/g, '/'));
    const { sub } = JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (c) => c.charCodeAt(0))));
    return typeof sub === 'string' ? sub : null;
  } catch {
    return null;  // not a JWT
  }
}

function isInLine(scope, settings) {
  return new Promise((answer) => {
    try {
      // Bundlers look for exactly this expression.
      const worker = new SharedWorker(new URL('./shared_worker.js', import.meta.url), { type: 'module' });
      worker.onerror = () => answer(false);  // its script cannot be loaded
      worker.port.onmessage = () => answer(true);
      worker.port.postMessage({ scope, settings });
      setTimeout(answer, WORKER_ANSWER_MS_MAX, false);
    } catch {
      answer(false);  // a module from another origin, or a policy
    }
  });
}
