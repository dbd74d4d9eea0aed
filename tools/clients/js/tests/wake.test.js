// A page that wakes and joins a hub again, one that has just been started or one that went on without it: whoever
// follows is told what has changed meanwhile, and nothing else. The worker is played within this process.

import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeServer, job, json, stream, until } from './fake_server.js';

const page = new EventTarget();
globalThis.document = new EventTarget();
globalThis.addEventListener = (...listening) => page.addEventListener(...listening);
globalThis.removeEventListener = (...listening) => page.removeEventListener(...listening);
const sleep = () => page.dispatchEvent(new Event('pagehide'));
const wake = () => page.dispatchEvent(new Event('pageshow'));

const workers = new Map();  // by scope: what ends it
globalThis.SharedWorker = class {
  port = { postMessage: ({ scope, settings }) => this.#serve(scope, settings) };

  #serve(scope, settings) {
    if (!workers.has(scope)) {
      const worker = new AbortController();
      workers.set(scope, worker);
      serveHub(scope, settings, worker.signal);
    }
    queueMicrotask(() => this.port.onmessage?.());
  }
};
const { serveHub } = await import('../src/hub_host.js');
const { followJob, followMine } = await import('../src/index.js');
const { Mirror } = await import('../src/mirror.js');

const snapshot = (id, at) => ['snapshot', at, job(id, { eventId: at.replace('~', '') })];
const progress = (id, at) => ['progress', at, { id, state: 'active', done: 1, total: 100, percent: 1 }];
const removed = (id, at) => ['removed', at, job(id, { eventId: at })];

/** A server whose streams the test writes itself, and pages of its origin. */
async function served(t) {
  const server = new FakeServer().on('GET', '/v1/events', () => {});
  await server.on('GET', '/v1/jobs', (asked) => json(asked, { jobs: [], next: null })).start(t);  // to anybody
  const scope = `progressd ${server.url} fetch `;
  const channel = new BroadcastChannel(scope);  // of another tab, which the test plays
  const heard = [];
  channel.onmessage = ({ data }) => heard.push(data);
  const follow = (begin) => {
    const told = [];
    const following = begin({
      baseUrl: server.url,
      retryMs: 20,
      onEvent: ({ type, id, data }) => told.push(type === 'gap' ? 'gap' : `${type} ${data.id}@${data.eventId ?? id}`),
      onConnection: (connection) => connection === 'open' && told.push('open'),
    });
    t.after(() => following.close());
    return { told, following, known: () => [...following.jobs.keys()].sort() };
  };
  t.after(() => {
    wake();
    workers.get(scope)?.abort();
    channel.close();
  });
  return {
    server,
    followMine: () => follow(followMine),
    followJob: (id) => follow((options) => followJob(id, options)),
    killWorker() {
      workers.get(scope).abort();
      workers.delete(scope);
    },
    startWorker() {
      const settings = { baseUrl: server.url, transport: 'fetch', credentials: 'omit', retryMs: 20, stallMs: 45_000 };
      new SharedWorker().port.postMessage({ scope, settings });
    },
    say: (message) => channel.postMessage({ tab: 'another', ...message }),
    /** The test plays a hub that was told these events while the page slept, and welcomes the page. */
    async playWorker(...events) {
      workers.set(scope, new AbortController());
      const hub = new Mirror();
      const tell = (message) => hub.apply(message) && channel.postMessage(message);
      const tellEvent = (type, id, data) => tell({ kind: 'event', lane: 'mine', event: { type, id, data }, jobs: [] });
      tell({ kind: 'connection', lane: 'mine', connection: 'open' });
      for (const event of events) tellEvent(...event);
      heard.length = 0;
      wake();
      await until(() => heard.some(({ kind }) => kind === 'wants'));
      const wants = heard.find(({ kind }) => kind === 'wants');
      hub.apply(wants);
      channel.postMessage({ kind: 'welcome', tab: wants.tab, state: hub.state });
      return tellEvent;
    },
    async open() {
      const to = stream(await server.next('/v1/events'));
      return {
        ...to,
        snapshot: (id, at, eventId = at.replace('~', '')) => to.event('snapshot', at, job(id, { eventId })),
        progress: (...of) => to.event(...progress(...of)),
      };
    },
  };
}

/** All own jobs are followed, and these are `a` and `b`. */
async function followed(t) {
  const it = await served(t);
  const mine = it.followMine();
  const to = await it.open();
  to.snapshot('a', '1~');
  to.snapshot('b', '2');
  await until(() => mine.told.length === 3);
  mine.told.length = 0;
  return { ...it, mine, to };
}

/** The next stream names b alone: a is told as removed, and b, to which nothing happened, not at all. */
async function onlyBIsLeft(mine, stream) {
  stream.snapshot('b', '5', '2');
  await until(() => mine.told.includes('removed a@1'));
  assert.deepEqual([mine.told.filter((one) => one !== 'open'), mine.known()], [['removed a@1'], ['b']]);
}

test('a new worker: jobs that are still there are not told again, nor as removed', async (t) => {
  const { mine, to, open, killWorker } = await followed(t);
  sleep();
  await to.ended;
  killWorker();
  wake();
  const again = await open();
  again.snapshot('a', '1~');
  again.snapshot('b', '2');
  again.progress('b', '3');
  await until(() => mine.told.includes('progress b@3'));
  assert.deepEqual([mine.told, mine.known()], [['open', 'progress b@3'], ['a', 'b']]);
});

test('a new worker: a job that went meanwhile is told as removed, when its stream has shown all', async (t) => {
  const { mine, to, open, killWorker } = await followed(t);
  sleep();
  await to.ended;
  killWorker();
  wake();
  const again = await open();
  again.snapshot('b', '4~', '4');
  await until(() => mine.told.includes('snapshot b@4'));
  assert.deepEqual(mine.known(), ['a', 'b'], 'it may still come');
  again.snapshot('c', '5');
  await until(() => mine.told.includes('snapshot c@5'));
  assert.deepEqual([mine.told, mine.known()], [['open', 'snapshot b@4', 'removed a@1', 'snapshot c@5'], ['b', 'c']]);
});

test('a new worker, and no job is left, which a stream begins without a word of', async (t) => {
  const { server, mine, to, open, killWorker } = await followed(t);
  let jobs = [job('new')];
  server.on('GET', '/v1/jobs', (asked) => json(asked, { jobs, next: null }));
  sleep();
  await to.ended;
  killWorker();
  wake();
  const again = await open();
  await until(() => server.requests.some(({ path, query }) => path === '/v1/jobs' && query.get('owner') === 'me'));
  jobs = [];
  again.cut();
  assert.deepEqual(mine.known(), ['a', 'b'], 'there is some job, and the stream will tell which');
  await open();
  await until(() => mine.known().length === 0);
  assert.deepEqual(mine.told, ['open', 'open', 'removed a@1', 'removed b@2']);
});

test('a worker that another tab kept alive: a job that went meanwhile is told as removed', async (t) => {
  const { mine, to, open, say } = await followed(t);
  say({ kind: 'wants', mine: false, jobs: ['x'] });
  const others = await open();
  others.snapshot('x', '3');
  sleep();
  await to.ended;
  wake();
  await onlyBIsLeft(mine, await open());
});

test('a worker whose stream had a gap while the page slept, and has not shown all yet', async (t) => {
  const { mine, killWorker, playWorker } = await followed(t);
  sleep();
  killWorker();
  const tell = await playWorker(
    snapshot('a', '1~'), snapshot('b', '2'), ['gap', '', { lastEventId: '2' }], snapshot('b', '7~'));
  await until(() => mine.told.includes('snapshot b@7'));
  assert.deepEqual(mine.known(), ['a', 'b']);
  tell(...snapshot('c', '8'));
  await until(() => mine.told.includes('snapshot c@8'));
  assert.deepEqual([mine.told, mine.known()], [['snapshot b@7', 'removed a@1', 'snapshot c@8'], ['b', 'c']]);
});

test('a worker that has just had a gap, and has told nothing since', async (t) => {
  const { mine, killWorker, playWorker } = await followed(t);
  sleep();
  killWorker();
  const tell = await playWorker(
    snapshot('a', '1~'), snapshot('b', '2'), progress('b', '3'), ['gap', '', { lastEventId: '3' }]);
  tell(...snapshot('a', '1~'));
  tell(...snapshot('c', '8~'));
  await until(() => mine.told.length > 0);
  assert.deepEqual([mine.told, mine.known()], [['snapshot c@8'], ['a', 'b', 'c']]);
});

test('a new worker begins while the page is awake: what went in between is told as removed', async (t) => {
  const { mine, open, killWorker, startWorker } = await followed(t);
  killWorker();
  startWorker();
  await onlyBIsLeft(mine, await open());
});

test('a followed job that nothing happened to is not told again', async (t) => {
  const { followJob: follow, open, killWorker } = await served(t);
  const { told, following } = follow('a');
  const to = await open();
  to.snapshot('a', '1');
  await until(() => told.length === 2);
  sleep();
  await to.ended;
  killWorker();
  wake();
  const again = await open();
  again.snapshot('a', '1');
  again.progress('a', '2');
  await until(() => told.includes('progress a@2'));
  assert.deepEqual(told, ['open', 'snapshot a@1', 'progress a@2']);
  assert.equal(following.job.createdAt, job('a').createdAt, 'the whole job');
});

test('a hub that goes on from further back than the page had come tells nothing twice', async (t) => {
  const { mine, to, killWorker, playWorker } = await followed(t);
  const events = [snapshot('c', '3'), removed('a', '4'), progress('b', '5')];
  for (const event of events) to.event(...event);
  await until(() => mine.told.length === 3);
  sleep();
  killWorker();
  // It stands for a tab that fell asleep at 2 and woke a moment earlier.
  const tell = await playWorker(snapshot('a', '1~'), snapshot('b', '2'));
  for (const event of [...events, progress('c', '6')]) tell(...event);
  await until(() => mine.told.includes('progress c@6'));
  assert.deepEqual(mine.told, ['snapshot c@3', 'removed a@4', 'progress b@5', 'progress c@6']);
  assert.deepEqual(mine.known(), ['b', 'c']);
});
