// The figures as cards, each with its chart: all of them on their own page, the first ones above the
// list of jobs.

import { byId, make, write } from './dom.js';
import * as format from './format.js';
import { FIGURES, chartBegin, figuresProblem, latestStats, listenToFigures, pointsOf } from './figures.js';
import { Sparkline } from './sparkline.js';

const STRIP = ['published', 'delivered', 'latency', 'lag'];

export function startFiguresPage() {
  const cards = FIGURES.map((figure) => new Card(figure, byId('cards')));
  cards.push(...FIGURES.filter(({ key }) => STRIP.includes(key)).map((figure) => new Card(figure, byId('strip'))));
  listenToFigures(() => {
    const isForbidden = figuresProblem() === 'forbidden';
    byId('figures-forbidden').hidden = !isForbidden;
    byId('cards').hidden = isForbidden;
    byId('strip').hidden = isForbidden;
    byId('limits-section').hidden = latestStats() === null || isForbidden;
    for (const card of cards) card.draw();
    writeLimits();
  });
}

class Card {
  #figure;
  #value = make('p', { className: 'card-value', text: '–' });
  #note = make('p', { className: 'card-note' });
  #spark;
  #pointed = null;

  constructor(figure, place) {
    this.#figure = figure;
    this.#spark = new Sparkline({
      onRead: (point) => {
        this.#pointed = point;
        this.#writeValue();
      },
    });
    const card = make('div', { className: 'card' });
    const head = make('div', { className: 'card-head' });
    head.append(make('p', { className: 'card-name', text: figure.name }), this.#value);
    card.append(head, this.#spark.element, this.#note);
    card.dataset.figure = figure.key;
    place.append(card);
    this.draw();
  }

  draw() {
    const points = pointsOf(this.#figure.key);
    const latest = this.#latest();
    const highest = Math.max(0, ...points.map(({ value }) => value ?? 0));
    const label = latest === null
      ? `${this.#figure.name}: not known yet`
      : `${this.#figure.name}: ${this.#figure.as(latest)} now, the highest was ${this.#figure.as(highest)}`;
    this.#spark.show({ points, from: chartBegin(), to: Date.now(), label });
    this.#writeValue();
  }

  #latest() {
    return pointsOf(this.#figure.key).at(-1)?.value ?? null;
  }

  #writeValue() {
    const latest = this.#latest();
    const value = this.#pointed ? this.#pointed.value : latest;
    write(this.#value, value === null ? '–' : this.#figure.as(value));
    const highest = Math.max(0, ...pointsOf(this.#figure.key).map((point) => point.value ?? 0));
    write(this.#note, this.#pointed
      ? `at ${format.timeOfDay(new Date(this.#pointed.at))}`
      : latest === null ? 'nothing to tell yet' : `highest: ${this.#figure.as(highest)}`);
  }
}

// The server names its limits as their flags in camelCase, and gives sizes in bytes, times in milliseconds.
const IS_SIZE = /Bytes/;
const IS_TIME = /^retain|Timeout$|^keepalive$|StreamAge$|^drain$/;

const flagOf = (name) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

function limitOf(name, value) {
  if (value === 0) return 'none';
  if (IS_SIZE.test(name)) return format.bytes(value);
  return IS_TIME.test(name) ? format.duration(value / 1_000) : format.integer(value);
}

function writeLimits() {
  const limits = latestStats()?.limits ?? {};
  const text = Object.entries(limits).map(([name, value]) => `${name}=${value}`).join();
  if (byId('limits').dataset.text === text) return;
  byId('limits').dataset.text = text;
  byId('limits').replaceChildren(...Object.entries(limits).map(([name, value]) => {
    const line = make('div');
    line.append(make('dt', { text: flagOf(name) }), make('dd', { text: limitOf(name, value) }));
    return line;
  }));
}
