// The SharedWorker of an origin: the hubs that its tabs ask for, one for each scope.

import { holdLock, locks, serveHub } from './hub_host.js';

const served = new Set();
const never = new AbortController().signal;

globalThis.onconnect = ({ ports: [port] }) => {
  port.onmessage = ({ data: { scope, settings } }) => {
    if (!served.has(scope)) {
      served.add(scope);
      const serve = () => serveHub(scope, settings, never);
      if (locks()) holdLock(`${scope} hub`, never, serve);
      else serve();
    }
    port.postMessage('in line');
  };
};
