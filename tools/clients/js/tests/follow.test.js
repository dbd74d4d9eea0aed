// What a caller is told of its jobs, by a server that says exactly what the test wants.

import assert from 'node:assert/strict';
import test from 'node:test';
import { followJob, followMine } from '../src/index.js';
import { FakeServer, job, json, problem, stream, until } from './fake_server.js';

/** A server whose streams the test writes itself: `await streams.next()` is the next one asked for. */
async function served(t) {
  const server = await new FakeServer().on('GET', '/v1/events', () => {}).start(t);
  const next = async () => {
    const asked = await server.next('/v1/events');
    const to = stream(asked);
    return {
      ...to,
      jobs: asked.query.getAll('job'),
      query: asked.query,
      snapshot: (id, eventId, fields) => to.event('snapshot', eventId, job(id, { eventId, ...fields })),
      progress: (id, eventId, done) => to.event('progress', eventId, { id, state: 'active', done, total: 100, percent: done }),
      completed: (id, eventId) => to.event('completed', eventId, job(id, { eventId, state: 'completed', done: 100, percent: 100 })),
    };
  };
  return { server, next, options: { baseUrl: server.url, retryMs: 20 } };
}

/** Follows, and notes the events as "type job@event id". */
function note(t, follow) {
  const told = [];
  const following = follow({
    onEvent: ({ type, id, data }) => told.push(type === 'gap' ? 'gap' : `${type} ${data.id}@${data.eventId ?? id}`),
  });
  t.after(() => following.close());
  return { following, told };
}

const noteJob = (t, id, options) => note(t, (more) => followJob(id, { ...options, ...more }));

test('a job is followed from its snapshot to its end', async (t) => {
  const { next, options } = await served(t);
  const connections = [];
  const jobs = [];
  const following = followJob('a', {
    ...options,
    onConnection: (connection) => connections.push(connection),
    onJob: (now) => jobs.push(now),
  });
  const to = await next();
  assert.deepEqual(to.jobs, ['a']);
  to.snapshot('a', '1', { kind: 'media' });
  to.progress('a', '2', 50);
  to.completed('a', '3');
  const last = await following.done;
  assert.deepEqual([last.state, last.percent, following.job, following.connection], ['completed', 100, last, 'closed']);
  assert.deepEqual(jobs.map(({ done, kind }) => [done, kind]), [[0, 'media'], [50, 'media'], [100, null]]);
  assert.deepEqual(connections, ['open', 'closed']);
  await to.ended;
});

test('a job that is over is one snapshot', async (t) => {
  const { next, options } = await served(t);
  const { following, told } = noteJob(t, 'a', options);
  (await next()).snapshot('a', '9', { state: 'failed', failedReason: 'stalled' });
  assert.equal((await following.done).failedReason, 'stalled');
  assert.deepEqual(told, ['snapshot a@9']);
});

test('jobs that are followed together share one stream, and each hears of its own', async (t) => {
  const { server, next, options } = await served(t);
  const [a, b, again] = ['a', 'b', 'a'].map((id) => noteJob(t, id, options));
  const to = await next();
  assert.deepEqual(to.jobs, ['a', 'b']);
  to.snapshot('a', '1');
  to.snapshot('b', '2');
  to.progress('a', '3', 1);
  await until(() => a.told.length === 2 && again.told.length === 2);
  assert.deepEqual([a.told, b.told, again.told],
    [['snapshot a@1', 'progress a@3'], ['snapshot b@2'], ['snapshot a@1', 'progress a@3']]);
  const late = noteJob(t, 'a', options);
  await until(() => late.told.length === 1);
  assert.deepEqual([late.told, late.following.job.done], [['snapshot a@3'], 1], 'told at once how it stands');
  assert.equal(server.requests.length, 1);
});

test('a stream that was cut goes on from its last id, with those jobs that are still followed', async (t) => {
  const { next, options } = await served(t);
  const [a, b] = ['a', 'b'].map((id) => noteJob(t, id, options));
  const to = await next();
  to.snapshot('a', '1');
  to.snapshot('b', '2');
  await until(() => b.told.length === 1);
  b.following.close();
  to.progress('a', '3', 3);
  await until(() => a.told.length === 2);
  to.cut();
  const again = await next();
  assert.deepEqual([again.jobs, again.query.get('lastEventId')], [['a'], '3']);
  again.progress('a', '4', 4);
  await until(() => a.told.length === 3);
  assert.deepEqual([a.told.at(-1), b.told, b.following.connection], ['progress a@4', ['snapshot b@2'], 'closed']);
});

test('a gap is told, and then how things stand', async (t) => {
  const { next, options } = await served(t);
  const { following, told } = noteJob(t, 'a', options);
  const to = await next();
  to.snapshot('a', '1');
  to.progress('a', '2', 5);
  await until(() => told.length === 2);
  to.cut();
  const again = await next();
  again.event('gap', '', { lastEventId: '2' });
  again.snapshot('a', '2', { done: 5 });
  await until(() => told.length === 4);
  assert.deepEqual(told, ['snapshot a@1', 'progress a@2', 'gap', 'snapshot a@2']);
  assert.equal(following.job.done, 5);
});

test('a job that is removed ends its following', async (t) => {
  const { next, options } = await served(t);
  const { following, told } = noteJob(t, 'a', options);
  const to = await next();
  to.snapshot('a', '1');
  to.event('removed', '2', job('a', { eventId: '2' }));
  await assert.rejects(following.done, { status: 404, message: 'the job was removed' });
  assert.deepEqual(told, ['snapshot a@1', 'removed a@2']);
  assert.equal(following.job, null);
});

test('an unknown job, or somebody else’s, ends its own following and no other', async (t) => {
  const { server, options } = await served(t);
  const known = new Set(['a', 'b']);
  server.on('GET', '/v1/events', (asked) => {
    if (!asked.query.getAll('job').every((id) => known.has(id))) return problem(asked, 404, 'no such job');
    const to = stream(asked);
    for (const id of asked.query.getAll('job')) to.event('snapshot', id, job(id, { eventId: id }));
  });
  server.on('GET', /^\/v1\/jobs\//, (asked) => {
    const id = asked.path.slice('/v1/jobs/'.length);
    if (id === 'theirs') problem(asked, 403, 'not yours');
    else if (known.has(id)) json(asked, job(id));
    else problem(asked, 404, `no job has the id '${id}'`);
  });
  const errors = [];
  const onError = ({ status, message }) => errors.push(`${status} ${message}`);
  const [a, nobodys, theirs, b] =
    ['a', 'nobodys', 'theirs', 'b'].map((id) => noteJob(t, id, { ...options, onError }));
  await until(() => a.told.length === 1 && b.told.length === 1);
  await assert.rejects(nobodys.following.done, { status: 404 });
  await assert.rejects(theirs.following.done, { status: 403 });
  assert.deepEqual(errors.sort(), ["403 not yours", "404 no job has the id 'nobodys'"]);

  const late = noteJob(t, 'late', options);
  await assert.rejects(late.following.done, { status: 404 });
  known.add('late');
  const again = noteJob(t, 'late', options);
  await until(() => again.told.length === 1);
  assert.deepEqual([a.told, b.told], [['snapshot a@a'], ['snapshot b@b']], 'which disturbs nobody');
});

test('a stream that is refused although every job is there is tried again', async (t) => {
  const { server, options } = await served(t);
  server.on('GET', '/v1/jobs/a', (asked) => json(asked, job('a')));  // this node knows it, the other not yet
  server.on('GET', '/v1/events', (asked) => {
    if (server.requests.length < 5) problem(asked, 404, 'no such job');
    else stream(asked).event('snapshot', '1', job('a', { eventId: '1' }));
  });
  const { told } = noteJob(t, 'a', options);
  await until(() => told.length === 1);
});

test('a token that is refused ends every following', async (t) => {
  const { server, options } = await served(t);
  server.on('GET', '/v1/events', (asked) => problem(asked, 401, 'expired'));
  const followings = [followJob('a', options), followJob('b', options), followMine(options)];
  for (const { done } of followings) await assert.rejects(done, { status: 401, message: 'expired' });
  assert.deepEqual(followings.map(({ connection }) => connection), ['closed', 'closed', 'closed']);
});

test('followMine hears of every job of the caller, those created later and those removed too', async (t) => {
  const { next, options } = await served(t);
  const { following, told } = note(t, (more) => followMine({ ...options, ...more }));
  const to = await next();
  assert.equal(to.query.get('owner'), 'me');
  to.snapshot('a', '1');
  to.snapshot('b', '2');
  to.completed('a', '3');
  to.event('removed', '4', job('a', { eventId: '4' }));
  await until(() => told.length === 4);
  assert.deepEqual([...following.jobs.keys()], ['b']);
  to.cut();
  const again = await next();
  assert.equal(again.query.get('lastEventId'), '4');
  again.event('gap', '', { lastEventId: '4' });
  again.snapshot('c', '7');
  await until(() => told.length === 6);
  assert.deepEqual([...following.jobs.keys()], ['c'], 'what the snapshots after a gap do not name is gone');
});

test('close() and an aborted signal reject done with an AbortError', async (t) => {
  const { next, options } = await served(t);
  const abort = new AbortController();
  const closed = followJob('a', options);
  const aborted = followJob('b', { ...options, signal: abort.signal });
  const to = await next();
  closed.close();
  closed.close();
  abort.abort(new Error('enough'));
  await assert.rejects(closed.done, { name: 'AbortError' });
  await assert.rejects(aborted.done, { message: 'enough' });
  await assert.rejects(followJob('c', { ...options, signal: abort.signal }).done, { message: 'enough' });
  await to.ended;
});
