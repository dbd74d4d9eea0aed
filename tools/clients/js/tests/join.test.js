// A job that joins a stream which is under way: it gets a snapshot, and the others lose no event and
// get none twice, however the old and the new stream race.

import assert from 'node:assert/strict';
import test from 'node:test';
import { followJob } from '../src/index.js';
import { FakeServer, job, problem, stream, until } from './fake_server.js';

/** `a` is followed and at event 2, and `b` joins: the two streams, to be written by the test. */
async function joining(t, { answersNext = true } = {}) {
  const server = await new FakeServer().on('GET', '/v1/events', () => {}).start(t);
  const follow = (id) => {
    const told = [];
    const following = followJob(id, {
      baseUrl: server.url,
      retryMs: 20,
      onEvent: ({ type, id: eventId, data }) => told.push(`${type} ${data.eventId ?? eventId}`),
    });
    t.after(() => following.close());
    return { told, following };
  };
  const open = async () => {
    const asked = await server.next('/v1/events');
    return answersNext || server.requests.length === 1 ? script(asked) : script(asked, asked.response);
  };
  const a = follow('a');
  const current = await open();
  current.snapshot('a', 1);
  current.progress('a', 2);
  await until(() => a.told.length === 2);
  const b = follow('b');
  const next = await open();
  return { server, follow, open, a, b, current, next };
}

function script(asked, unanswered) {
  const to = unanswered ? { ended: new Promise((end) => unanswered.once('close', end)) } : stream(asked);
  return {
    ...to,
    asked: `${asked.query.getAll('job')} from ${asked.query.get('lastEventId')}`,
    snapshot: (id, at) => to.event('snapshot', `${at}`, job(id, { eventId: `${at}` })),
    partial: (id, at) => to.event('snapshot', `${at}~`, job(id, { eventId: `${at}` })),
    progress: (id, at) => to.event('progress', `${at}`, { id, state: 'active', done: at, total: 100, percent: at }),
    partialProgress: (id, at) =>
      to.event('progress', `${at}~`, { id, state: 'active', done: at, total: 100, percent: at, eventId: `${at}` }),
    gap: (after) => to.event('gap', '', { lastEventId: after }),
    removed: (id, at) => to.event('removed', `${at}~`, job(id, { state: 'cancelled', eventId: `${at}` })),
  };
}

test('the new stream asks for all jobs from the start, and the old one ends when it has taken over', async (t) => {
  const { a, b, current, next } = await joining(t);
  assert.equal(next.asked, 'a,b from null');
  next.partial('a', 2);
  next.snapshot('b', 3);
  await current.ended;
  next.progress('a', 4);
  next.progress('b', 5);
  await until(() => b.told.length === 2);
  assert.deepEqual(a.told, ['snapshot 1', 'progress 2', 'progress 4']);
  assert.deepEqual(b.told, ['snapshot 3', 'progress 5']);
});

test('after it has taken over, the new stream comes back from its own last id', async (t) => {
  const { current, next, open } = await joining(t);
  next.partial('b', 0);  // b is the older one, so its snapshot comes first, with an id that resumes nothing
  next.snapshot('a', 2);
  await current.ended;
  next.cut();
  assert.equal((await open()).asked, 'a,b from 2');
});

test('a job that is followed again is told how it stands, although nothing happened to it', async (t) => {
  const { follow, a, b, current, next, open } = await joining(t);
  next.partial('a', 2);
  next.snapshot('b', 3);
  await current.ended;
  await until(() => b.told.length === 1);
  b.following.close();
  await new Promise((pass) => setTimeout(pass, 1));  // the page has said so
  const again = follow('b');
  const last = await open();
  last.partial('a', 2);
  last.snapshot('b', 3);
  await until(() => again.told.length === 1);
  assert.deepEqual([a.told, again.told], [['snapshot 1', 'progress 2'], ['snapshot 3']]);
});

test('two streams that do not meet change over all the same, and the later word stands', async (t) => {
  const { a, b, current, next } = await joining(t);
  next.partial('a', 5);
  next.snapshot('b', 6);
  await current.ended;
  await until(() => b.told.length === 1);
  assert.deepEqual(a.told, ['snapshot 1', 'progress 2', 'snapshot 5']);
});

test('what only the old stream has told yet is not told again by the new one', async (t) => {
  const { a, b, current, next } = await joining(t);
  next.partial('a', 2);
  current.progress('a', 4);
  await until(() => a.told.length === 3);
  next.snapshot('b', 3);
  next.progress('a', 4);
  next.progress('a', 5);
  await until(() => a.told.length === 4 && b.told.length === 1);
  assert.deepEqual(a.told, ['snapshot 1', 'progress 2', 'progress 4', 'progress 5']);
});

test('what a long opening tells with partial ids is not told again', async (t) => {
  const { a, b, current, next } = await joining(t);
  next.partial('a', 2);
  for (const at of [3, 4]) {
    current.progress('a', at);
    next.partialProgress('a', at);
  }
  await until(() => a.told.length === 4);
  next.snapshot('b', 5);
  next.progress('a', 6);
  await until(() => a.told.length === 5 && b.told.length === 1);
  assert.deepEqual(a.told, ['snapshot 1', 'progress 2', 'progress 3', 'progress 4', 'progress 6']);
});

test('a job that goes while its stream begins holds nobody up, and its follower is told', { timeout: 4_000 }, async (t) => {
  // Sooner than a stream that waits for ever would take over (JOIN_MS_MAX).
  const { a, b, current, next } = await joining(t);
  next.removed('b', 3);
  next.snapshot('a', 2);
  await current.ended;
  await assert.rejects(b.following.done, { status: 404 });
  next.progress('a', 4);
  await until(() => a.told.length === 3);
  assert.deepEqual(b.told, ['removed 3']);
});

test('the new stream waits until the old one has told what its snapshots show', async (t) => {
  const { a, b, current, next } = await joining(t);
  next.partial('a', 5);
  next.snapshot('b', 6);
  next.progress('a', 7);
  for (const at of [3, 4, 5]) {
    assert.deepEqual(b.told, []);
    current.progress('a', at);
    await until(() => a.told.includes(`progress ${at}`));
  }
  await until(() => b.told.length === 1);
  await current.ended;
  assert.deepEqual(a.told, ['snapshot 1', 'progress 2', 'progress 3', 'progress 4', 'progress 5', 'progress 7']);
});

test('one that joins while another joins, and one that leaves again', async (t) => {
  const { follow, a, b, current, next, open } = await joining(t);
  const c = follow('c');
  const last = await open();
  await next.ended;
  assert.equal(last.asked, 'a,b,c from null');
  b.following.close();
  last.partial('a', 2);
  current.progress('a', 3);
  last.snapshot('c', 4);
  last.progress('a', 3);
  last.progress('c', 5);
  await until(() => c.told.length === 2);
  assert.deepEqual([a.told, b.told, c.told],
    [['snapshot 1', 'progress 2', 'progress 3'], [], ['snapshot 4', 'progress 5']]);
});

test('the one that joined leaves before it has joined: the old stream just goes on', async (t) => {
  const { a, b, current, next } = await joining(t);
  b.following.close();
  await next.ended;
  current.progress('a', 3);
  await until(() => a.told.length === 3);
});

test('an unknown job that joins does not disturb the old stream', async (t) => {
  const { server, follow, a, current } = await joining(t);
  server.on('GET', '/v1/events', (asked) => problem(asked, 404, 'no such job'));
  server.on('GET', '/v1/jobs/a', ({ response }) => response.end(JSON.stringify(job('a'))));
  server.on('GET', '/v1/jobs/b', ({ response }) => response.end(JSON.stringify(job('b'))));
  const unknown = follow('unknown');
  await assert.rejects(unknown.following.done, { status: 404 });
  current.progress('a', 3);
  await until(() => a.told.length === 3);
});

test('the old stream is cut while one joins: it comes back from its id, and the new one takes over', async (t) => {
  const { a, b, current, next, open } = await joining(t);
  current.cut();
  const back = await open();
  assert.equal(back.asked, 'a from 2');
  next.partial('a', 3);
  next.snapshot('b', 4);
  back.progress('a', 3);
  await back.ended;
  assert.deepEqual([a.told, b.told], [['snapshot 1', 'progress 2', 'progress 3'], ['snapshot 4']]);
});

test('the new stream is cut within its opening: it begins anew, and those of the old one notice nothing', async (t) => {
  const { follow, a, b, current, next, open } = await joining(t);
  next.partial('a', 2);
  next.end();
  const again = await open();
  assert.equal(again.asked, 'a,b from 2~');
  again.gap('2~');
  again.partial('a', 2);
  again.snapshot('b', 3);
  await current.ended;
  again.progress('a', 4);
  await until(() => a.told.length === 3 && b.told.length === 1);
  assert.deepEqual([a.told, b.told], [['snapshot 1', 'progress 2', 'progress 4'], ['snapshot 3']]);
  const late = follow('a');
  await until(() => late.told.length === 1);
  for (const { following } of [a, late]) assert.deepEqual([following.job.done, following.job.owner], [4, 'anonymous']);
});

test('the old stream has a gap while one joins: the new one waits for what it tells anew', async (t) => {
  const { a, b, current, next, open } = await joining(t);
  next.partial('a', 2);
  current.cut();
  const back = await open();
  back.gap('2');
  await until(() => a.told.includes('gap '));
  next.snapshot('b', 6);
  // Long enough for it to take over too early, which it must not: a is told of by nobody then.
  await Promise.race([back.ended, new Promise((pass) => setTimeout(pass, 50))]);
  back.snapshot('a', 5);
  next.progress('a', 5);
  next.progress('a', 7);
  await until(() => a.told.includes('progress 7'));
  assert.deepEqual(a.told, ['snapshot 1', 'progress 2', 'gap ', 'snapshot 5', 'progress 7']);
  assert.deepEqual(b.told, ['gap ', 'snapshot 6']);
  assert.equal(a.following.job.owner, 'anonymous', 'the whole job');
});

test('one that joins while the stream is broken: it begins anew, for there is no snapshot to go on from', async (t) => {
  const { server, follow, a, b, current, next } = await joining(t);
  b.following.close();
  await next.ended;
  const asked = { a: null, 'a,c': null };
  server.on('GET', '/v1/events', (request) => {
    asked[request.query.getAll('job')] = request;
    if (request.query.getAll('job').length < 2) problem(request, 503, 'not now');
  });
  current.cut();
  await until(() => asked.a);
  const c = follow('c');
  await until(() => asked['a,c']);
  const both = script(asked['a,c']);
  assert.equal(both.asked, 'a,c from null');
  both.partial('a', 2);
  both.snapshot('c', 3);
  await until(() => c.told.length === 1);
  assert.deepEqual([a.told, c.told], [['snapshot 1', 'progress 2'], ['snapshot 3']]);
});

test('a new stream that cannot open gets the old one’s place: browsers allow six connections only', async (t) => {
  const { a, current, next } = await joining(t, { answersNext: false });
  assert.equal(next.asked, 'a,b from null');
  await current.ended;
  assert.deepEqual(a.told, ['snapshot 1', 'progress 2']);
});

test('a conflated event that the old stream never tells does not hold the new one for ever', async (t) => {
  const { a, b, current, next } = await joining(t);
  next.partial('a', 5);
  next.snapshot('b', 6);
  current.progress('a', 7);  // 5 was replaced by it
  next.progress('a', 7);
  next.progress('a', 8);
  await until(() => a.told.length === 4);
  assert.deepEqual([a.told, b.told], [['snapshot 1', 'progress 2', 'progress 7', 'progress 8'], ['snapshot 6']]);
});

test('jobs whose names fill the URL are followed over a second stream', async (t) => {
  const { server, follow, open } = await joining(t);
  const ids = Array.from({ length: 60 }, (_, at) => `${at}`.padStart(128, 'x'));
  for (const id of ids) follow(id);
  const streams = [await open(), await open()].map(({ asked }) => asked.split(' ')[0].split(','));
  assert.deepEqual(new Set(streams.flat()), new Set(['a', 'b', ...ids]));
  for (const { query } of server.requests) assert.ok(query.toString().length < 8_192 - 100);
});
