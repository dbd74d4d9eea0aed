// Numbers and times as people read them.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const precise = new Intl.NumberFormat('en', { maximumSignificantDigits: 2 });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const dayOfYear = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short' });
const clock = new Intl.DateTimeFormat('en', { timeStyle: 'medium', hourCycle: 'h23' });
const full = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' });

export const integer = (n) => whole.format(n);
export const count = (n) => (n < 100_000 ? whole : compact).format(n);
export const rate = (n) => (n < 100 ? tenth : compact).format(n);
// Rounded down: a job is not at 100 % before it is.
export const percent = (n) => `${(Math.floor(n * 10) / 10).toFixed(1)} %`;
export const milliseconds = (n) => `${(n < 10 ? precise : whole).format(n)} ms`;

export function bytes(n) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const unit = n < 1 ? 0 : Math.min(Math.floor(Math.log2(n) / 10), units.length - 1);
  return `${tenth.format(n / 1024 ** unit)} ${units[unit]}`;
}

export function duration(seconds) {
  if (seconds < 0.1) return '<0.1 s';
  if (seconds < 10) return `${tenth.format(seconds)} s`;
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3_600) return twoUnits(s, 60, 'min', 1, 's');
  if (s < 86_400) return twoUnits(s, 3_600, 'h', 60, 'min');
  return twoUnits(s, 86_400, 'd', 3_600, 'h');
}

function twoUnits(seconds, large, largeName, small, smallName) {
  const rest = Math.floor((seconds % large) / small);
  const begun = `${whole.format(Math.floor(seconds / large))} ${largeName}`;
  return rest === 0 ? begun : `${begun} ${rest} ${smallName}`;
}

/// The time of day; of another day than today, the day.
export function shortTime(date) {
  return date.toDateString() === new Date().toDateString() ? clock.format(date) : dayOfYear.format(date);
}

export const timeOfDay = (date) => clock.format(date);
export const fullTime = (date) => full.format(date);

/// Of a job that was begun and is over: how long it took, in seconds; null of others.
export function secondsTaken({ startedAt, finishedAt }) {
  const seconds = startedAt && finishedAt ? (new Date(finishedAt) - new Date(startedAt)) / 1_000 : NaN;
  return seconds >= 0 ? seconds : null;
}
