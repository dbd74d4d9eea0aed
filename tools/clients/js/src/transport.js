// One connection that streams events, by fetch or by EventSource: the same shape for both. Each
// resolves when the stream ended or `signal` was aborted, and throws a ProgressdError when it was
// refused or cut. Neither reconnects: that is the Stream's business.
//
//   fetch        may send headers, sees every byte, so also keepalives, `retry:` and statuses
//   EventSource  sees events only, and of a refusal no more than that there was one

import { EventStreamParser } from './event_stream_parser.js';
import { ProgressdError } from './problem.js';
import { request } from './requests.js';
import { authorization } from './settings.js';

/** What a stream's events are called; an EventSource hears only those it asks for. */
const EVENT_TYPES =
    ['message', 'snapshot', 'progress', 'completed', 'failed', 'cancelled', 'removed', 'gap'];

export async function readByFetch(url, settings, { onOpen, onEvent, onBytes, onRetry, signal }) {
  const cut = (error) => new ProgressdError(`the connection was cut: ${error.message}`);
  const response = await openByFetch(url, settings, signal);
  onOpen();
  const parser = new EventStreamParser({ onEvent, onRetry });
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch((error) => { throw cut(error); });
    if (done || signal.aborted) return;
    onBytes();
    parser.push(value);
  }
}

async function openByFetch(url, settings, signal) {
  const headers = { Accept: 'text/event-stream', ...await authorization(settings) };
  /** @type {RequestInit} */
  const init = { headers, credentials: settings.credentials, cache: 'no-store', signal };
  const response = await fetch(url, init).catch(() => {
    throw new ProgressdError('the server does not answer');
  });
  if (response.status !== 200) throw await ProgressdError.of(response);
  if (!/^text\/event-stream\b/i.test(response.headers.get('Content-Type') ?? '')) {
    response.body?.cancel();
    throw new ProgressdError('the answer is not an event stream', response.status);
  }
  return response;
}

export async function readByEventSource(url, settings, { onOpen, onEvent, signal }) {
  const admitted = await withTicket(url, settings);
  if (signal.aborted) return;
  const source = new EventSource(admitted, { withCredentials: settings.credentials === 'include' });
  const refused = await new Promise((end) => {
    signal.addEventListener('abort', () => end(false));
    source.onopen = onOpen;
    source.onerror = () => end(source.readyState === EventSource.CLOSED);
    for (const type of EVENT_TYPES) {
      source.addEventListener(type, ({ data, lastEventId }) => onEvent({ type, data, id: lastEventId }));
    }
  });
  source.close();
  if (!refused) return;
  // It does not say why: ask in a way that does.
  const response = await openByFetch(url, settings, signal);
  response.body?.cancel();
  throw new ProgressdError('the stream was refused, and then was not');
}

// A ticket stands in for the header that an EventSource cannot send. It admits one stream.
async function withTicket(url, settings) {
  if (!settings.token) return url;
  const { ticket } = await request('POST', '/v1/tickets', {}, settings);
  return `${url}${url.includes('?') ? '&' : '?'}ticket=${encodeURIComponent(ticket)}`;
}
