// Whether the page sleeps: hidden in the back/forward cache, or frozen by the browser. A sleeping
// page must hold no connection, or the browser throws it out of the cache. A page that is only in the
// background does not sleep. Without a document (a worker, Node) nothing ever sleeps.

let asleep = false;
const watchers = new Set();

function change(now) {
  if (asleep === now) return;
  asleep = now;
  for (const watcher of [...watchers]) watcher(asleep);
}

if (typeof document !== 'undefined') {
  addEventListener('pagehide', () => change(true));
  addEventListener('pageshow', () => change(false));
  document.addEventListener('freeze', () => change(true));
  document.addEventListener('resume', () => change(false));
}

export const isAsleep = () => asleep;

/** Calls `watcher(asleep)` at each change; gives the function that ends it. */
export function watchSleep(watcher) {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}
