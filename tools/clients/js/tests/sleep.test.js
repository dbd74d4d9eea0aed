// A page that sleeps, in the back/forward cache or frozen, and wakes: played without a browser.

import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeServer, job, problem, stream, until } from './fake_server.js';

const page = new EventTarget();
globalThis.document = new EventTarget();
globalThis.addEventListener = (...listening) => page.addEventListener(...listening);
globalThis.removeEventListener = (...listening) => page.removeEventListener(...listening);
const hear = (target, event) => target.dispatchEvent(new Event(event));
const { followJob, openStream } = await import('../src/index.js');

for (const [sleep, wake] of [
  [() => hear(page, 'pagehide'), () => hear(page, 'pageshow')],
  [() => hear(document, 'freeze'), () => hear(document, 'resume')],
]) {
  test(`a sleeping page has no connection, and comes back at once by its last id: ${sleep}`, async (t) => {
    const server = await new FakeServer().on('GET', '/s', () => {}).start(t);
    const told = [];
    const opened = openStream('/s', {
      baseUrl: server.url,
      onEvent: ({ id }) => told.push(id),
      onConnection: (connection) => told.push(connection),
    });
    t.after(() => opened.close());
    const to = stream(await server.next('/s'));
    to.event('progress', '1', {});
    await until(() => told.includes('1'));
    sleep();
    await to.ended;
    assert.equal(server.requests.length, 1);
    wake();
    const asked = await server.next('/s');
    assert.equal(asked.query.get('lastEventId'), '1');
    stream(asked).event('progress', '2', {});
    await until(() => told.includes('2'));
    assert.deepEqual(told, ['open', '1', '2'], 'which is nobody’s trouble');
  });
}

test('a stream that was closed in its sleep does not wake', async (t) => {
  const server = await new FakeServer().on('GET', '/s', stream).start(t);
  const opened = openStream('/s', { baseUrl: server.url });
  await server.next('/s');
  hear(page, 'pagehide');
  opened.close();
  const begunAsleep = openStream('/s', { baseUrl: server.url });
  t.after(() => begunAsleep.close());
  hear(page, 'pageshow');
  await server.next('/s');
  assert.equal(server.requests.length, 2, 'the one that was begun in its sleep is the only one that wakes');
});

test('a stream that waits to come back does so at once when the network is there again', async (t) => {
  const inADay = { 'Retry-After': '86400' };
  const server = await new FakeServer().on('GET', '/s', (asked) => problem(asked, 503, 'not now', inADay)).start(t);
  const connections = [];
  const opened = openStream('/s', {
    baseUrl: server.url,
    onConnection: (connection) => connections.push(connection),
  });
  t.after(() => opened.close());
  await until(() => connections.includes('reconnecting'));
  hear(page, 'online');
  await until(() => server.requests.length === 2);
});

/** Follows a job, and gives what it is told as "type event id". */
function follow(t, server, id) {
  const told = [];
  const following = followJob(id, {
    baseUrl: server.url,
    share: false,
    retryMs: 20,
    onEvent: ({ type, id: eventId, data }) => told.push(`${type} ${data.eventId ?? eventId}`),
  });
  t.after(() => following.close());
  return { told, following };
}

async function opened(server) {
  const asked = await server.next('/v1/events');
  const to = stream(asked);
  return {
    ...to,
    asked: `${asked.query.getAll('job')} from ${asked.query.get('lastEventId')}`,
    snapshot: (id, at) => to.event('snapshot', at, job(id, { eventId: at.replace('~', '') })),
    progress: (id, at) => to.event('progress', at, { id, state: 'active', done: 1, total: 100, percent: 1 }),
  };
}

test('followings wake where they fell asleep, and miss nothing', async (t) => {
  const server = await new FakeServer().on('GET', '/v1/events', () => {}).start(t);
  const [a, b] = ['a', 'b'].map((id) => follow(t, server, id));
  const to = await opened(server);
  to.snapshot('a', '1~');
  to.snapshot('b', '2');
  to.progress('a', '3');
  await until(() => a.told.length === 2 && b.told.length === 1);
  hear(page, 'pagehide');
  await to.ended;
  hear(page, 'pageshow');
  const again = await opened(server);
  assert.equal(again.asked, 'a,b from 3');
  again.progress('b', '4');
  await until(() => b.told.length === 2);
  assert.deepEqual([a.told, b.told], [['snapshot 1', 'progress 3'], ['snapshot 2', 'progress 4']]);
});

test('followings that slept after one had joined wake at the last id of both', async (t) => {
  const server = await new FakeServer().on('GET', '/v1/events', () => {}).start(t);
  const a = follow(t, server, 'a');
  const current = await opened(server);
  current.snapshot('a', '5');
  await until(() => a.told.length === 1);
  const b = follow(t, server, 'b');
  const next = await opened(server);
  next.snapshot('b', '4~');  // the older one comes first, with an id that resumes nothing
  next.snapshot('a', '5');   // and this was told already
  await until(() => b.told.length === 1);
  hear(page, 'pagehide');
  hear(page, 'pageshow');
  assert.equal((await opened(server)).asked, 'a,b from 5');
});
