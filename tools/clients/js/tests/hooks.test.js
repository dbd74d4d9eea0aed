// The React hooks, rendered without a browser.

import assert from 'node:assert/strict';
import test from 'node:test';
import { createElement, StrictMode } from 'react';
import { act, create } from 'react-test-renderer';
import { useJobProgress } from '../src/react.js';
import { useJobSSE } from '../src/use_job_sse.js';
import { FakeServer, job, problem, stream, until } from './fake_server.js';

globalThis.IS_REACT_ACT_ENVIRONMENT = true;
// It says at each start that it is deprecated in favour of testing in browsers; the system tests do.
const { error } = console;
console.error = (text, ...more) => String(text).includes('react-test-renderer is deprecated') || error(text, ...more);

/** Renders a component that does nothing but call `hook(props)`; `shown()` is what it gave last. */
async function render(t, hook, props) {
  let last;
  const renders = [];  // of each: what was asked for, and what was shown
  const Probe = (given) => {
    last = hook(given);
    renders.push({ given, last });
    return null;
  };
  const element = (given) => createElement(StrictMode, null, createElement(Probe, given));
  let tree;
  await act(async () => { tree = create(element(props)); });
  const unmount = () => act(async () => tree.unmount());
  t.after(unmount);
  return {
    shown: () => last,
    renders,
    rerender: (given) => act(async () => tree.update(element(given))),
    until: async (condition) => {
      // What comes within act() is shown when it ends.
      while (!condition(last)) await act(() => new Promise((pass) => setTimeout(pass, 1)));
    },
    unmount,
  };
}

const progressOf = ({ id, ...options }) => useJobProgress(id, options);

test('useJobProgress shows a job from nothing to its end', async (t) => {
  const server = await new FakeServer().on('GET', '/v1/events', () => {}).start(t);
  const { shown, until: untilShown } = await render(t, progressOf, { id: 'a', baseUrl: server.url });
  assert.deepEqual(shown(), { job: null, percent: 0, state: null, error: null, connection: 'connecting' });
  const to = stream(await server.next('/v1/events'));
  to.event('snapshot', '1', job('a', { eventId: '1', state: 'pending' }));
  await untilShown(({ state }) => state === 'pending');
  assert.equal(shown().connection, 'open');
  to.event('progress', '2', { id: 'a', state: 'active', done: 40, total: 100, percent: 40 });
  await untilShown(({ percent }) => percent === 40);
  to.event('completed', '3', job('a', { eventId: '3', state: 'completed', percent: 100, result: { rows: 5 } }));
  await untilShown(({ connection }) => connection === 'closed');
  assert.deepEqual([shown().state, shown().percent, shown().job.result, shown().error], ['completed', 100, { rows: 5 }, null]);
  assert.equal(server.requests.length, 1, 'StrictMode’s double mount opens one stream');
});

test('useJobProgress follows another job when the id changes, and shows nothing of the last one', async (t) => {
  const server = await new FakeServer().on('GET', '/v1/events', () => {}).start(t);
  const baseUrl = server.url;
  const { shown, renders, rerender, until: untilShown } = await render(t, progressOf, { id: null, baseUrl });
  assert.equal(server.requests.length, 0);
  await rerender({ id: 'a', baseUrl });
  const to = stream(await server.next('/v1/events'));
  to.event('snapshot', '1', job('a', { eventId: '1', percent: 70 }));
  await untilShown(({ percent }) => percent === 70);
  await rerender({ id: 'b', baseUrl });
  assert.deepEqual([shown().percent, shown().job], [0, null]);
  assert.ok(renders.every(({ given, last }) => given.id !== 'b' || last.percent === 0), 'not even for one render');
  stream(await server.next('/v1/events')).event('snapshot', '2', job('b', { eventId: '2', percent: 5 }));
  await untilShown(({ percent }) => percent === 5);
  await to.ended;
});

test('useJobProgress shows why there is nothing to follow, and leaves when it is unmounted', async (t) => {
  const server = await new FakeServer().on('GET', '/v1/events', (asked) => problem(asked, 404, 'no such job')).start(t);
  const { shown, rerender, unmount, until: untilShown } = await render(t, progressOf, { id: 'a', baseUrl: server.url });
  await untilShown(({ connection }) => connection === 'closed');
  assert.deepEqual([shown().error.status, shown().state], [404, null]);
  let ended;
  server.on('GET', '/v1/events', (asked) => { ended = stream(asked).ended; });
  await rerender({ id: 'b', baseUrl: server.url });
  await until(() => ended);
  await unmount();
  await ended;
});

const JOB_SSE = '/api/v1/sse/jobs/character/j1';

async function renderJobSse(t) {
  const server = await new FakeServer().on('GET', JOB_SSE, () => {}).start(t);
  const called = [];
  const rendered = await render(t, useJobSSE, {
    jobId: 'j1',
    type: 'character',
    token: 'secret',
    apiBase: server.url,
    onProgress: (progress) => called.push(progress),
    onComplete: (result) => called.push(result),
    onError: (error) => called.push(error),
  });
  return { server, called, ...rendered };
}

test('useJobSSE shows a queued job by the names of its seed, with the token in the header', async (t) => {
  const { server, called, shown, until: untilShown } = await renderJobSse(t);
  assert.deepEqual([shown().status, shown().progress, shown().isConnected, shown().jobStatus], ['pending', 0, false, null]);
  const asked = await server.next(JOB_SSE);
  assert.equal(asked.headers.authorization, 'Bearer secret');
  const to = stream(asked);
  to.event('message', '', { type: 'connected', message: 'Connected to job status stream' });
  to.event('message', '1', { type: 'initial_status', jobId: 'j1', status: 'active', progress: 10, createdAt: 'then' });
  await untilShown(({ progress }) => progress === 10);
  assert.deepEqual([shown().isConnected, called], [true, []]);
  to.event('message', '2', { type: 'job_update', jobId: 'j1', status: 'active', progress: 55 });
  to.event('message', '3', { type: 'job_update', jobId: 'j1', status: 'completed', progress: 100, result: { characterId: 'c9' } });
  await untilShown(({ status }) => status === 'completed');
  assert.deepEqual(called, [55, 100, { characterId: 'c9' }]);
  assert.deepEqual([shown().isConnected, shown().error, shown().jobStatus.createdAt], [false, null, 'then']);
  await to.ended;
});

test('useJobSSE says why a job failed, and stops', async (t) => {
  const { server, called, shown, until: untilShown } = await renderJobSse(t);
  const to = stream(await server.next(JOB_SSE));
  to.event('message', '1', { type: 'job_update', jobId: 'j1', status: 'failed', progress: 30, failedReason: 'out of memory' });
  await untilShown(({ status }) => status === 'failed');
  assert.deepEqual([called, shown().error, shown().isConnected], [[30, 'out of memory'], 'out of memory', false]);
  await to.ended;
});

test('useJobSSE shows a cut as a connection error until it is back by its last id', async (t) => {
  const { server, shown, until: untilShown } = await renderJobSse(t);
  const to = stream(await server.next(JOB_SSE));
  to.event('message', '4', { type: 'job_update', jobId: 'j1', status: 'active', progress: 30 });
  await untilShown(({ progress }) => progress === 30);
  to.write('retry: 300\n\n');
  to.cut();
  await untilShown(({ error }) => error === 'Connection error');
  assert.equal(shown().isConnected, false);
  let asked;
  await act(async () => { asked = await server.next(JOB_SSE); });
  assert.equal(asked.query.get('lastEventId'), '4');
  stream(asked);
  await untilShown(({ isConnected }) => isConnected);
  assert.deepEqual([shown().error, shown().progress], [null, 30]);
});

test('useJobSSE tells of a refusal, and disconnect() stops it', async (t) => {
  const { server, shown, rerender, called, until: untilShown } = await renderJobSse(t);
  const to = stream(await server.next(JOB_SSE));
  await untilShown(({ isConnected }) => isConnected);
  await act(async () => shown().disconnect());
  await to.ended;
  assert.equal(shown().isConnected, false);
  server.on('GET', '/api/v1/sse/jobs/media/j1', (asked) => problem(asked, 404, 'no media job has this id'));
  await rerender({ jobId: 'j1', type: 'media', apiBase: server.url, onError: (why) => called.push(why) });
  await untilShown(({ error }) => error === 'no media job has this id');
  assert.deepEqual(called, ['no media job has this id']);
});
