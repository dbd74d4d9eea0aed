// What the server says of itself, sampled while the page is visible: the last minutes of it. From
// /v1/stats, but for the latency, of which only /metrics has the histogram.

import { call, mayOperate } from './api.js';
import * as format from './format.js';

const SAMPLE_MS = 2_000;
const SPAN_MS = 300_000;
const SPAN_MS_MIN = 30_000;
const LATENCY_MS = 10_000;      // the time that the latency's percentile is of
const BREAK_MS = 3 * SAMPLE_MS; // without a sample: the page was hidden, or the server away

const perSecond = (name) => (now, before) =>
  before && now.stats[name] >= before.stats[name]  // it counts from 0 again after a restart
    ? (now.stats[name] - before.stats[name]) / ((now.at - before.at) / 1_000) : null;

const each = (n) => `${format.rate(n)}/s`;

/// In the order that they are shown in. `of(sample, the one before, all)` is a number, or null.
export const FIGURES = [
  { key: 'published', name: 'Events published', of: perSecond('eventsPublished'), as: each },
  { key: 'delivered', name: 'Deliveries', of: perSecond('eventsDelivered'), as: each },
  { key: 'latency', name: 'Publish to socket, p99', of: latencyP99, as: (n) => `≤ ${format.milliseconds(n)}` },
  { key: 'lag', name: 'Loop lag, p99', of: ({ stats }) => stats.loopLagMs.p99, as: format.milliseconds },
  { key: 'streams', name: 'Streams', of: ({ stats }) => stats.streams, as: format.integer },
  { key: 'connections', name: 'Connections', of: ({ stats }) => stats.connections, as: format.integer },
  { key: 'conflated', name: 'Conflated', of: perSecond('eventsConflated'), as: each },
  { key: 'memory', name: 'Memory', of: ({ stats }) => stats.memoryBytes, as: format.bytes },
];

const samples = [];            // {at, stats, latency}
const points = new Map(FIGURES.map(({ key }) => [key, []]));
const listeners = [];
let timer = 0;
let isRunning = false;
let problem = null;

/// `listen()` is called after each sample, and when sampling ends.
export const listenToFigures = (listen) => listeners.push(listen);
export const pointsOf = (key) => points.get(key);
/// Where charts begin: at the first sample, until there are more than fit.
export function chartBegin() {
  const now = Date.now();
  return Math.max(now - SPAN_MS, Math.min(samples[0]?.at ?? now, now - SPAN_MS_MIN));
}
/// Why there is nothing; null where there is, or will be.
export const figuresProblem = () => problem;
export const latestStats = () => samples.at(-1)?.stats ?? null;

export function startFigures() {
  isRunning = true;
  problem = null;
  sample();
}

export function stopFigures() {
  isRunning = false;
  clearTimeout(timer);
}

document.addEventListener('visibilitychange', () => {
  if (isRunning) sample();
});

const tell = () => listeners.forEach((listen) => listen());

async function sample() {
  clearTimeout(timer);
  if (document.hidden) return;
  if (!mayOperate()) {
    problem = 'forbidden';
    return tell();
  }
  try {
    const [stats, metrics] = await Promise.all([call('GET', 'v1/stats'), call('GET', 'metrics')]);
    if (!isRunning) return;
    problem = null;
    take({ at: Date.now(), stats, latency: latencyBuckets(metrics) });
  } catch (error) {
    if (error.status === 403) problem = 'forbidden';
  }
  tell();
  clearTimeout(timer);
  if (isRunning && problem === null) timer = setTimeout(sample, SAMPLE_MS);
}

function take(now) {
  const last = samples.at(-1);
  const before = last && now.at - last.at < BREAK_MS ? last : null;
  const oldest = now.at - SPAN_MS;
  samples.push(now);
  while (samples[0].at < oldest) samples.shift();
  for (const { key, of } of FIGURES) {
    const list = points.get(key);
    if (last && !before) list.push({ at: now.at - 1, value: null });
    list.push({ at: now.at, value: of(now, before) });
    while (list[0].at < oldest) list.shift();
  }
}

// ---- The latency's histogram: [upper bound in seconds, events up to it], by bound ----

function latencyBuckets(metrics) {
  const line = /^progressd_delivery_latency_seconds_bucket\{le="([^"]+)"\} (\S+)$/gm;
  const boundOf = (text) => (text === '+Inf' ? Infinity : Number(text));
  return [...metrics.matchAll(line)].map(([, bound, events]) => [boundOf(bound), Number(events)]);
}

function latencyP99(now) {
  const before = samples.find(({ at }) => now.at - at <= LATENCY_MS);
  if (!before || before === now) return null;
  const counts = now.latency.map(([bound, events], i) => [bound, events - (before.latency[i]?.[1] ?? 0)]);
  const all = counts.at(-1)?.[1] ?? 0;
  if (all <= 0) return null;  // nothing was delivered, or the server began anew
  const [bound] = counts.find(([, events]) => events >= 0.99 * all);
  const finite = Number.isFinite(bound) ? bound : counts.at(-2)[0];
  return finite * 1_000;  // the bucket's upper bound: it is that or less
}
