// Whether a page without a token may share: only where the server tells anybody the same.

import assert from 'node:assert/strict';
import test from 'node:test';
import { settingsOf } from '../src/settings.js';
import { joinScope } from '../src/sharing.js';
import { FakeServer, json, problem } from './fake_server.js';

// As in a page that has Web Locks.
globalThis.document = {};
Object.defineProperty(globalThis, 'navigator', { value: { locks: {} }, configurable: true });

const join = (baseUrl, options) => joinScope('tabs', settingsOf({ baseUrl, ...options }));

async function answering(t, handler) {
  const server = await new FakeServer().on('GET', '/v1/jobs', handler).start(t);
  server.on('GET', '/login', ({ response }) => response.end('Who are you?'));
  return server;
}

const refusals = {
  'that wants a token or a cookie': (asked) => problem(asked, 401, 'a token is missing'),
  'whose proxy asks to log in': ({ response }) => response.writeHead(302, { Location: '/login' }).end(),
  'that is overloaded': (asked) => problem(asked, 503, 'later', { 'Retry-After': '1' }),
  'that hangs up': ({ response }) => response.socket.destroy(),
};

for (const [which, handler] of Object.entries(refusals)) {
  test(`a server ${which}: not shared, as nobody knows whose cookie the others have`, async (t) => {
    const { url } = await answering(t, handler);
    assert.equal(await join(url), null);
  });
}

test('a server that answers anybody: shared, and asked once', async (t) => {
  const server = await answering(t, (asked) => json(asked, { jobs: [], next: null }));
  const scope = await join(server.url);
  assert.ok(scope.includes(server.url));
  assert.equal(await join(server.url), scope);
  assert.equal(server.requests.length, 1);
});

test('a page that says who the user is shares with that user’s pages, and nobody is asked', async (t) => {
  const server = await answering(t, refusals['that hangs up']);
  const [ann, again, bob] = await Promise.all(['ann', 'ann', 'bob'].map((user) => join(server.url, { user })));
  assert.ok(ann);
  assert.equal(ann, again);
  assert.notEqual(ann, bob);
  assert.ok(await join(server.url, { user: 'ann', token: 'opaque' }));
  assert.equal(server.requests.length, 0);
});
