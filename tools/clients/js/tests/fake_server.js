// A server that does what a test tells it: each route is a handler, and an answer can be a stream of
// exact bytes. Ports are any; close() cuts what is open.

import { once } from 'node:events';
import { createServer } from 'node:http';

export class FakeServer {
  requests = [];  // {method, path, query, headers, body, response}, in order
  #routes = [];
  #waiting = [];

  /** `handler(request)`: the path of a route is compared whole, or matched. */
  on(method, path, handler) {
    this.#routes.unshift({ method, path, handler });
    return this;
  }

  async start(t, port = 0) {
    this.server = createServer((request, response) => this.#serve(request, response));
    this.server.listen(port, '127.0.0.1');
    await once(this.server, 'listening');
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    t.after(() => this.close());
    return this;
  }

  close() {
    this.server.closeAllConnections();
    return new Promise((closed) => this.server.close(closed));
  }

  /** The next request for that path, or the first that has not been taken. */
  async next(path) {
    for (;;) {
      const found = this.requests.find((one) => !one.taken && one.path === path);
      if (found) {
        found.taken = true;
        return found;
      }
      await new Promise((come) => this.#waiting.push(come));
    }
  }

  async #serve(request, response) {
    const url = new URL(request.url, 'http://fake');
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const told = {
      method: request.method,
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body: body && JSON.parse(body),
      response,
    };
    this.requests.push(told);
    for (const come of this.#waiting.splice(0)) come();
    const route = this.#routes.find(({ method, path }) =>
      method === told.method && (path instanceof RegExp ? path.test(told.path) : path === told.path));
    if (route) route.handler(told);
    else problem(told, 404, `no route for ${told.method} ${told.path}`);
  }
}

export function problem({ response }, status, detail, headers = {}) {
  response.writeHead(status, { 'Content-Type': 'application/problem+json', ...headers });
  response.end(status === 204 ? undefined : JSON.stringify({ title: `status ${status}`, status, detail }));
}

export function json({ response }, value, status = 200) {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(value));
}

/** Begins an event stream; then write(text or bytes), event(…), end(), cut(). */
export function stream({ response }) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  response.flushHeaders();
  return {
    write: (bytes) => response.write(bytes),
    event: (type, id, data) => response.write(block(type, id, data)),
    end: () => response.end(),
    cut: () => response.socket.destroy(),
    ended: new Promise((end) => response.once('close', end)),
  };
}

export function block(type, id, data) {
  const name = type === 'message' ? '' : `event: ${type}\n`;
  return `${name}${id ? `id: ${id}\n` : ''}data: ${JSON.stringify(data)}\n\n`;
}

/** A job as a snapshot carries it. */
export const job = (id, fields = {}) => ({
  id, kind: null, runner: 'external', owner: 'anonymous', state: 'active', done: 0, total: 100, percent: 0,
  message: null, result: null, failedReason: null, createdAt: '2026-01-01T00:00:00.000Z', startedAt: null,
  finishedAt: null, attempt: 1, ratePerSecond: null, etaSeconds: null, ...fields,
});

/** Resolves when `condition()` holds. */
export async function until(condition) {
  while (!condition()) await new Promise((pass) => setTimeout(pass, 1));
}
