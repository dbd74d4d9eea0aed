// Who runs the hub of a scope, and how it hears of its tabs: over a BroadcastChannel. Web Locks say
// who is there. Whoever holds "SCOPE hub" is the hub; the next in line takes over when it dies. Each
// tab holds "SCOPE tab ID" while it lives, so a hub that is granted that lock knows that it is gone.

import { Hub } from './hub.js';

// Pages that are not served over https have no locks.
export const locks = () => globalThis.navigator?.locks;

/** Waits for the lock, calls `held`, and keeps it until `signal` is aborted. */
export function holdLock(name, signal, held) {
  const keep = () => new Promise((release) => {
    if (signal.aborted) return release();
    signal.addEventListener('abort', release);
    held();
  });
  locks().request(name, { signal }, keep).catch(() => {});  // aborted while it waited
}

/** Runs the hub until `signal` is aborted. `mirror`: what the last hub left, if that is known. */
export function serveHub(scope, settings, signal, mirror) {
  const channel = new BroadcastChannel(scope);
  const watched = new Set();
  const isFresh = !mirror?.state.lanes.size;
  const hub = new Hub(settings, (message) => channel.postMessage(message), mirror);
  const watchTabs = () => {
    for (const tab of locks() ? hub.tabs : []) {
      if (watched.has(tab)) continue;
      watched.add(tab);
      locks().request(`${scope} tab ${tab}`, { signal }, () => {
        watched.delete(tab);
        channel.postMessage({ kind: 'bye', tab });
        hub.receive({ kind: 'bye', tab });
      }).catch(() => {});
    }
  };
  channel.onmessage = ({ data }) => {
    hub.receive(data);
    watchTabs();
  };
  signal.addEventListener('abort', () => {
    hub.close();
    channel.close();
  });
  channel.postMessage({ kind: 'begin', isFresh });
  watchTabs();
}
