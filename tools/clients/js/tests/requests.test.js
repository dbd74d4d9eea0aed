import assert from 'node:assert/strict';
import test from 'node:test';
import { cancelJob, createJob, getJob, ProgressdError, request } from '../src/index.js';
import { FakeServer, job, json, problem } from './fake_server.js';

test('createJob posts the fields, with the token and the idempotency key', async (t) => {
  const server = await new FakeServer().on('POST', '/v1/jobs', (asked) => json(asked, job('a'), 201)).start(t);
  const made = await createJob({ total: 5 }, { baseUrl: server.url, token: 't0k', idempotencyKey: 'once' });
  assert.equal(made.id, 'a');
  const [asked] = server.requests;
  assert.deepEqual(asked.body, { total: 5 });
  assert.equal(asked.headers.authorization, 'Bearer t0k');
  assert.equal(asked.headers['idempotency-key'], 'once');
});

test('an id is written into the path so that nothing in it means anything', async (t) => {
  const server = await new FakeServer()
    .on('GET', /^\/v1\/jobs\//, (asked) => json(asked, job('a')))
    .on('POST', /cancel$/, (asked) => json(asked, job('a'), 202))
    .start(t);
  await getJob('a/../b?c', { baseUrl: `${server.url}/` });
  await cancelJob('a/../b?c', { baseUrl: server.url });
  assert.deepEqual(server.requests.map(({ path }) => path),
    ['/v1/jobs/a%2F..%2Fb%3Fc', '/v1/jobs/a%2F..%2Fb%3Fc/cancel']);
});

test('a refusal is a ProgressdError with what the server said', async (t) => {
  const inAnHour = new Date(Date.now() + 3_600_000).toUTCString();
  const server = await new FakeServer()
    .on('GET', '/problem', (asked) => problem(asked, 429, 'too many', { 'Retry-After': '7' }))
    .on('GET', '/date', (asked) => problem(asked, 503, 'draining', { 'Retry-After': inAnHour }))
    .on('GET', '/html', ({ response }) => response.writeHead(502).end('<h1>Bad gateway</h1>'))
    .on('DELETE', '/empty', ({ response }) => response.writeHead(204).end())
    .on('POST', '/empty', ({ response }) => response.writeHead(202, { 'Content-Length': 0 }).end())
    .start(t);
  const refused = (path) => request('GET', path, undefined, { baseUrl: server.url }).then(assert.fail, (error) => error);
  const told = await refused('/problem');
  assert.ok(told instanceof ProgressdError);
  assert.deepEqual([told.status, told.message, told.retryAfterMs, told.retryable], [429, 'too many', 7_000, true]);
  const { retryAfterMs } = await refused('/date');
  assert.ok(retryAfterMs > 3_000_000 && retryAfterMs <= 3_600_000, `${retryAfterMs}`);
  assert.deepEqual([(await refused('/html')).message, (await refused('/none')).retryable],
    ['the server answered 502', false]);
  assert.equal(await request('DELETE', '/empty', undefined, { baseUrl: server.url }), null);
  assert.equal(await request('POST', '/empty', { completed: 1 }, { baseUrl: server.url }), null);
});

test('a server that is not there has status 0, and an abort is an abort', async (t) => {
  const server = await new FakeServer().on('GET', '/slow', () => {}).start(t);
  const abort = new AbortController();
  const asking = request('GET', '/slow', undefined, { baseUrl: server.url, signal: abort.signal });
  await server.next('/slow');
  abort.abort();
  await assert.rejects(asking, { name: 'AbortError' });
  await server.close();
  await assert.rejects(getJob('a', { baseUrl: server.url }), { name: 'ProgressdError', status: 0, retryable: true });
});
