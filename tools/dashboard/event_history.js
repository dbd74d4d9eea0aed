// The events of one job as they come: what each one changed, newest first, and the stream's text.

import { byId, make, oncePerFrame, write } from './dom.js';
import { timeOfDay } from './format.js';

const EVENTS_MAX = 500;
const RAW_CHARACTERS_MAX = 65_536;
const RAW_DRAW_MS = 200;
const TOLD = ['state', 'done', 'total', 'message', 'attempt', 'failedReason', 'result'];

let waiting = [];      // rows that are not on the page yet, the newest last
let before = null;     // the event before
let seen = 0;
let raw = '';
let rawCut = false;
let rawTimer = 0;

export function clearHistory() {
  waiting = [];
  before = null;
  seen = 0;
  raw = '';
  rawCut = false;
  byId('events-rows').replaceChildren();
  drawSoon();
  drawRaw();
}

export function addEvent({ type, id, data }) {
  seen += 1;
  const what = type === 'gap' ? 'some events are no longer kept' : changed(before, data);
  waiting.push({ type, id, at: new Date(), what });
  if (waiting.length > EVENTS_MAX) waiting.shift();
  if (type !== 'gap') before = { ...before, ...data };
  drawSoon();
}

export function addText(text) {
  raw += text;
  if (raw.length > RAW_CHARACTERS_MAX) {
    raw = raw.slice(-RAW_CHARACTERS_MAX);
    rawCut = true;
  }
  rawTimer ||= setTimeout(drawRaw, RAW_DRAW_MS);
}

const shown = (value) => (typeof value === 'string' ? value : JSON.stringify(value));

function changed(old, now) {
  if (!old) return `${now.state}, ${now.done} of ${now.total}`;
  const step = (name) => `${name} ${shown(old[name] ?? null)} → ${shown(now[name])}`;
  const parts = TOLD.filter((name) => name in now && shown(now[name]) !== shown(old[name]))
    .map((name) => (name === 'result' ? 'result is there' : step(name)));
  return parts.join(', ') || 'nothing of what is shown here';
}

const drawSoon = oncePerFrame(() => {
  const rows = waiting.reverse().map(({ type, id, at, what }) => {
    const row = make('tr');
    const badge = make('span', { className: 'event-type', text: type });
    badge.dataset.event = type;
    const cell = make('td');
    cell.append(badge);
    row.append(
      make('td', { text: timeOfDay(at) }), cell,
      make('td', { className: 'what', text: what }), make('td', { className: 'event-id', text: id || '–' }),
    );
    return row;
  });
  waiting = [];
  const body = byId('events-rows');
  body.prepend(...rows);
  while (body.childElementCount > EVENTS_MAX) body.lastElementChild.remove();
  write(byId('events-count'), seen > EVENTS_MAX ? `the last ${EVENTS_MAX} of ${seen}` : String(seen));
});

function drawRaw() {
  clearTimeout(rawTimer);
  rawTimer = 0;
  const box = byId('raw');
  const isAtEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
  write(box, rawCut ? `…${raw}` : raw);
  if (isAtEnd) box.scrollTop = box.scrollHeight;
}
