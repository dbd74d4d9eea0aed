// The wrapper keeps the names of an existing sseService; the server follows the contract of the
// per-user progress channels: unnamed events with ids, a stream that stays open.

import assert from 'node:assert/strict';
import test from 'node:test';
import { SseService, sseService } from '../src/sse_service.js';
import { FakeServer, json, problem, stream, until } from './fake_server.js';

const STREAM = '/api/v1/sse/progress/stream/user_123';

async function served(t) {
  const server = await new FakeServer().on('GET', STREAM, () => {}).start(t);
  const service = new SseService({ baseUrl: server.url, retryMs: 20 });
  t.after(() => service.disconnect());
  return { server, service };
}

test('connect() resolves when the stream is open, and progress comes to each callback', async (t) => {
  const { server, service } = await served(t);
  const [one, two] = [[], []];
  service.onProgress((progress) => one.push(progress));
  const off = service.onProgress((progress) => two.push(progress));
  const connecting = service.connect('user_123');
  assert.equal(service.isConnected, false);
  const to = stream(await server.next(STREAM));
  await connecting;
  assert.equal(service.isConnected, true);
  to.event('message', '1', { completed: 3, total: 10, status: 'processing', message: 'Processing file 3 of 10...' });
  await until(() => two.length === 1);
  off();
  to.event('message', '2', { completed: 10, total: 10, status: 'completed', results: [{ id: 1 }], successful_files: 10 });
  await until(() => one.length === 2);
  assert.deepEqual([one.map(({ completed }) => completed), two.length], [[3, 10], 1]);
  service.disconnect();
  await to.ended;
  assert.equal(service.isConnected, false);
});

test('it comes back from a cut by its last id, and says so', async (t) => {
  const { server, service } = await served(t);
  const seen = [];
  service.onProgress(({ completed }) => seen.push(completed));
  service.onConnection((connection) => seen.push(connection));
  const connecting = service.connect('user_123');
  const to = stream(await server.next(STREAM));
  await connecting;
  to.event('message', '7', { completed: 1 });
  await until(() => seen.includes(1));
  to.cut();
  const asked = await server.next(STREAM);
  assert.equal(asked.query.get('lastEventId'), '7');
  stream(asked).event('message', '8', { completed: 2 });
  await until(() => seen.includes(2));
  assert.deepEqual(seen, ['open', 1, 'reconnecting', 'open', 2]);
});

test('connect() rejects when it is refused, and when it is disconnected before it is open', async (t) => {
  const { server, service } = await served(t);
  const errors = [];
  service.onError(({ status }) => errors.push(status));
  const left = service.connect('user_123');
  service.disconnect();
  await assert.rejects(left, { name: 'AbortError' });
  service.onError(({ status }) => errors.push(status));
  server.on('GET', STREAM, (asked) => problem(asked, 403, 'not yours'));
  await assert.rejects(service.connect('user_123'), { status: 403, message: 'not yours' });
  assert.deepEqual(errors, [403]);
});

test('disconnect() ends what was registered: who registers for each run hears of each event once', async (t) => {
  const { server, service } = await served(t);
  const seen = [];
  const run = async (name) => {
    service.onConnection((connection) => seen.push(`${name} ${connection}`));
    const off = service.onProgress(({ completed }) => seen.push(`${name} ${completed}`));
    const connecting = service.connect('user_123');
    const to = stream(await server.next(STREAM));
    await connecting;
    to.event('message', '1', { completed: 1 });
    await until(() => seen.includes(`${name} 1`));
    service.disconnect();
    return off;
  };
  const off = await run('first');
  await run('second');
  assert.deepEqual(seen, ['first open', 'first 1', 'first closed', 'second open', 'second 1', 'second closed']);
  const same = ({ completed }) => seen.push(`same ${completed}`);
  const offBefore = service.onProgress(same);
  service.disconnect();
  service.onProgress(same);
  off();
  offBefore();
  const connecting = service.connect('user_123');
  stream(await server.next(STREAM)).event('message', '2', { completed: 2 });
  await connecting;
  await until(() => seen.includes('same 2'));
});

test('connecting to another user leaves the first, and keeps what was registered', async (t) => {
  const { server, service } = await served(t);
  const other = '/api/v1/sse/progress/stream/a%20b';
  server.on('GET', other, (asked) => stream(asked).event('message', '1', { completed: 5 }));
  const seen = [];
  service.onProgress(({ completed }) => seen.push(completed));
  const connecting = service.connect('user_123');
  const to = stream(await server.next(STREAM));
  await connecting;
  await service.connect('a b');
  await to.ended;
  await until(() => seen.length === 1);
});

test('checkProgress() and cleanupProgress() ask the server', async (t) => {
  const { server, service } = await served(t);
  let latest = { completed: 10 };
  server.on('GET', '/api/v1/sse/progress/status/user_123', (asked) => json(asked, latest));
  server.on('DELETE', '/api/v1/sse/progress/user_123', (asked) => {
    latest = null;
    json(asked, { message: 'forgotten' });
  });
  service.configure({ baseUrl: server.url, token: 'secret' });
  assert.deepEqual(await service.checkProgress('user_123'), { completed: 10 });
  assert.deepEqual(await service.cleanupProgress('user_123'), { message: 'forgotten' });
  assert.equal(await service.checkProgress('user_123'), null);
  assert.ok(server.requests.every(({ headers }) => headers.authorization === 'Bearer secret'));
});

test('there is one service for all who import it', () => {
  assert.ok(sseService instanceof SseService);
});
