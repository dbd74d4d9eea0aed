// One stream against every way a connection can go wrong, by fetch and by EventSource.

import assert from 'node:assert/strict';
import test from 'node:test';
import { EventSource } from 'eventsource';
import { openStream } from '../src/index.js';
import { block, FakeServer, json, problem, stream, until } from './fake_server.js';

globalThis.EventSource = EventSource;

const RETRY_MS = 20;  // short waits: nothing here measures them

/** Follows /s and notes what it is told, in order. */
function follow(t, server, options = {}) {
  const told = [];
  const opened = openStream(options.path ?? '/s', {
    baseUrl: server.url,
    retryMs: RETRY_MS,
    onEvent: ({ type, id, data }) => told.push([type, id, data]),
    onConnection: (connection) => told.push(connection),
    onError: (error) => told.push(error),
    ...options,
  });
  t.after(() => opened.close());
  return { opened, told, events: () => told.filter(Array.isArray) };
}

const served = (t, handler) => new FakeServer().on('GET', '/s', handler).start(t);

for (const transport of ['fetch', 'eventsource']) {
  test(`${transport}: comes back from every cut by its last id, and misses nothing`, async (t) => {
    // Each connection is cut in another way, after one event more.
    const cuts = [(to) => to.cut(), (to) => to.end(), (to) => { to.write('id: 99\ndata: {"ha'); to.cut(); }];
    let next = 1;
    const server = await served(t, (asked) => {
      assert.equal(asked.query.get('lastEventId'), next > 1 ? `${next - 1}` : null);
      const to = stream(asked);
      to.event('progress', next, { done: next });
      next += 1;
      if (next <= 10) setImmediate(cuts[next % 3], to);
    });
    const { told, events } = follow(t, server, { transport });
    await until(() => events().length === 10);
    assert.deepEqual(events().map(([type, id, data]) => [type, id, JSON.parse(data).done]),
      Array.from({ length: 10 }, (_, at) => ['progress', `${at + 1}`, at + 1]));
    assert.deepEqual(told.slice(0, 4).filter((one) => !Array.isArray(one)), ['open', 'reconnecting', 'open']);
  });

  for (const status of [204, 400, 401, 403, 404, 406, 410, 422]) {
    test(`${transport}: ${status} ends it for good`, async (t) => {
      const server = await served(t, (asked) => problem(asked, status, 'because'));
      const { opened, told } = follow(t, server, { transport });
      await until(() => opened.closed);
      assert.equal(told.at(-1), 'closed');
      const errors = told.filter((one) => one instanceof Error);
      assert.deepEqual(errors.map((one) => [one.status, one.message]), status === 204 ? [] : [[status, 'because']]);
      const asked = server.requests.length;
      await new Promise((pass) => setTimeout(pass, 10 * RETRY_MS));
      assert.equal(server.requests.length, asked, 'it asks no more');
      assert.equal(asked, transport === 'fetch' ? 1 : 2, 'an EventSource does not say why: one request more');
    });
  }

  for (const [status, headers] of [[500, {}], [502, {}], [503, { 'Retry-After': '0' }], [429, {}], [408, {}]]) {
    test(`${transport}: ${status} is tried again`, async (t) => {
      let refusals = 0;
      const server = await served(t, (asked) => {
        refusals += 1;
        if (refusals < 6) problem(asked, status, 'not now', headers);
        else stream(asked).event('snapshot', 1, {});
      });
      const { told, events } = follow(t, server, { transport });
      await until(() => events().length === 1);
      assert.ok(!told.some((one) => one instanceof Error));
    });
  }

  test(`${transport}: an answer that is no event stream ends it`, async (t) => {
    const server = await served(t, ({ response }) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<p>'));
    const { opened, told } = follow(t, server, { transport });
    await until(() => opened.closed);
    assert.match(told.find((one) => one instanceof Error).message, /not an event stream/);
  });

  test(`${transport}: an event without an id does not forget the last one`, async (t) => {
    const server = await served(t, (asked) => {
      const to = stream(asked);
      to.event('message', '', 'hello again');
      if (server.requests.length === 1) to.event('progress', 7, {});
      if (server.requests.length < 3) to.end();
    });
    follow(t, server, { transport });
    await until(() => server.requests.length === 3);
    assert.deepEqual(server.requests.map(({ query }) => query.get('lastEventId')), [null, '7', '7']);
  });

  test(`${transport}: a server that goes away and comes back`, async (t) => {
    const server = await served(t, (asked) => stream(asked).event('progress', 1, {}));
    const { told, events } = follow(t, server, { transport });
    await until(() => events().length === 1);
    const { port } = server.server.address();
    await server.close();
    await until(() => told.at(-1) === 'reconnecting');
    const again = new FakeServer().on('GET', '/s', (asked) => stream(asked).event('progress', 2, {}));
    await again.start(t, port);
    await until(() => events().length === 2);
    assert.equal(again.requests[0].query.get('lastEventId'), '1');
  });

  test(`${transport}: silence is not believed for ever`, async (t) => {
    // On a busy machine one more is given up before its answer is heard.
    const ids = () => server.requests.map(({ query }) => query.get('lastEventId'));
    const server = await served(t, (asked) => {
      const to = stream(asked);
      const silences = ids().filter((id) => id === '5').length;
      if (silences !== 1) to.event('progress', silences === 0 ? 5 : 6, {});
    });
    const { told, events } = follow(t, server, { transport, stallMs: 50 });
    await until(() => events().length === 2);
    assert.deepEqual([...new Set(ids())], [null, '5']);
    assert.deepEqual(events().map(([, id]) => id), ['5', '6']);
    // An EventSource hides the keepalives, so its silence says nothing bad.
    assert.equal(told.includes('reconnecting'), transport === 'fetch');
  });

  test(`${transport}: an answer that never comes is not waited for for ever`, async (t) => {
    const server = await served(t, (asked) => {
      if (server.requests.length > 2) stream(asked).event('progress', 1, {});
    });
    const { events } = follow(t, server, { transport, stallMs: 50 });
    await until(() => events().length === 1);
  });

  test(`${transport}: close() and an aborted signal end the connection`, async (t) => {
    const abort = new AbortController();
    const server = await served(t, stream);
    for (const end of [({ opened }) => opened.close(), () => abort.abort()]) {
      const following = follow(t, server, { transport, signal: abort.signal });
      const { response } = await server.next('/s');
      await until(() => following.told.includes('open'));
      end(following);
      assert.equal(following.opened.connection, 'closed');
      await until(() => response.destroyed);
    }
    const { opened } = follow(t, server, { transport, signal: abort.signal });
    assert.equal(opened.connection, 'closed', 'aborted before it began');
  });

  test(`${transport}: a callback that throws stops nothing`, async (t) => {
    const thrown = [];  // it is thrown where the page's own error handling sees it
    t.mock.method(globalThis, 'queueMicrotask', (task) => {
      try {
        task();
      } catch (error) {
        thrown.push(error.message);
      }
    });
    const server = await served(t, (asked) => stream(asked).write(block('progress', 1, 1) + block('progress', 2, 2)));
    const seen = [];
    const { told } = follow(t, server, { transport, onEvent: ({ data }) => {
      seen.push(data);
      throw new Error(`mine ${data}`);
    } });
    await until(() => thrown.length === 2);
    assert.deepEqual([seen, thrown], [['1', '2'], ['mine 1', 'mine 2']]);
    assert.deepEqual(told, ['open']);
  });
}

test('fetch: keepalive comments are signs of life', async (t) => {
  const stallMs = 1_000;
  const server = await served(t, async (asked) => {
    const to = stream(asked);
    for (let i = 0; i < 50; i += 1) {
      await new Promise((pass) => setTimeout(pass, stallMs / 20));
      to.write(': keepalive\n\n');
    }
    to.event('progress', 1, {});
  });
  const { events } = follow(t, server, { transport: 'fetch', stallMs });
  await until(() => events().length === 1);
  assert.equal(server.requests.length, 1);
});

test('fetch: the server says how long to wait before coming back', async (t) => {
  const server = await served(t, (asked) => {
    const to = stream(asked);
    to.write(`retry: ${RETRY_MS}\n\n`);
    to.event('progress', server.requests.length, {});
    to.end();
  });
  // By this it would come back in hours.
  const { events } = follow(t, server, { transport: 'fetch', retryMs: 1e8 });
  await until(() => events().length >= 3);
});

test('fetch: events are whole however the bytes were cut', async (t) => {
  const name = 'Zoë 🎉';
  const bytes = Buffer.from('\ufeff' + `event: progress\r\nid: 1\r\ndata: {"name":"${name}"}\r\n\r\n`.repeat(3));
  const server = await served(t, async (asked) => {
    const to = stream(asked);
    for (const byte of bytes) {
      await new Promise((sent) => asked.response.write(Buffer.from([byte]), sent));
    }
    to.event('end', 2, {});
  });
  const { events } = follow(t, server, { transport: 'fetch' });
  await until(() => events().length === 4);
  assert.deepEqual(events().slice(0, 3).map(([, , data]) => JSON.parse(data).name), [name, name, name]);
});

test('fetch: the token goes into the header, and is asked for each time', async (t) => {
  let tokens = 0;
  const server = await served(t, (asked) => {
    const to = stream(asked);
    to.event('progress', 1, {});
    to.end();
  });
  follow(t, server, { token: async () => `token ${tokens += 1}` });
  await until(() => server.requests.length >= 3);
  assert.deepEqual(server.requests.slice(0, 3).map(({ headers }) => headers.authorization),
    ['Bearer token 1', 'Bearer token 2', 'Bearer token 3']);
  assert.ok(!server.requests.some(({ query }) => query.has('ticket')));
});

test('fetch: a token that cannot be had now is asked for again', async (t) => {
  let failures = 3;
  const server = await served(t, (asked) => stream(asked).event('progress', 1, {}));
  const { events } = follow(t, server, { token: async () => {
    if (failures-- > 0) throw new Error('the identity provider is away');
    return 'token';
  } });
  await until(() => events().length === 1);
  assert.equal(server.requests.length, 1);
});

test('eventsource: a token becomes a ticket, a fresh one for each connection', async (t) => {
  const server = await served(t, (asked) => {
    const to = stream(asked);
    to.event('progress', 1, {});
    to.end();
  });
  let tickets = 0;
  server.on('POST', '/v1/tickets', (asked) => {
    json(asked, { ticket: `t/${tickets += 1}`, expiresAt: '2026-01-01T00:00:30.000Z' }, 201);
  });
  follow(t, server, { transport: 'eventsource', token: 'secret' });
  await until(() => server.requests.filter(({ path }) => path === '/s').length >= 3);
  const streams = server.requests.filter(({ path }) => path === '/s').slice(0, 3);
  assert.deepEqual(streams.map(({ query }) => query.get('ticket')), ['t/1', 't/2', 't/3']);
  assert.deepEqual(streams.map(({ query }) => query.get('lastEventId')), [null, '1', '1']);
  assert.ok(streams.every(({ headers }) => headers.authorization === undefined));
  const bought = server.requests.filter(({ path }) => path === '/v1/tickets');
  assert.ok(bought.every(({ headers }) => headers.authorization === 'Bearer secret'));
});

test('eventsource: a token that buys no ticket ends it', async (t) => {
  const server = await served(t, stream);
  server.on('POST', '/v1/tickets', (asked) => problem(asked, 401, 'signature'));
  const { opened, told } = follow(t, server, { transport: 'eventsource', token: 'forged' });
  await until(() => opened.closed);
  assert.equal(told[0].status, 401);
  assert.ok(!server.requests.some(({ path }) => path === '/s'));
});

test('eventsource: a ticket that is refused is replaced, for the token is still good', async (t) => {
  const server = await served(t, (asked) => {
    const { query, headers } = asked;
    if (query.get('ticket') === 'used') problem(asked, 401, 'the ticket was used');
    else if (query.has('ticket') || headers.authorization) stream(asked).event('progress', 1, {});
    else problem(asked, 401, 'no token');
  });
  const tickets = ['used', 'used', 'fresh'];
  server.on('POST', '/v1/tickets', (asked) => json(asked, { ticket: tickets.shift() }, 201));
  const { events } = follow(t, server, { transport: 'eventsource', token: 'secret' });
  await until(() => events().length === 1);
  assert.equal(tickets.length, 0);
});
