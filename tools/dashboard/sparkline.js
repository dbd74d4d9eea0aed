// A small chart of some minutes: a line and the area below it, as SVG. Where there is no value the
// line is broken. The pointer, or a finger, reads off a value.

import { setAttribute } from './dom.js';

const WIDTH = 300;
const HEIGHT = 56;
const TOP = 3;  // so that the line's upper half is not cut off
const SVG = 'http://www.w3.org/2000/svg';

function makeSvg(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

export class Sparkline {
  #area = makeSvg('path', { class: 'spark-area' });
  #line = makeSvg('path', { class: 'spark-line' });
  #cursor = makeSvg('path', { class: 'spark-cursor' });
  #points = [];   // {at, value}
  #from = 0;
  #to = 1;
  #read;

  /// `onRead(point)` is called with the point below the pointer, with null when it leaves.
  constructor({ onRead }) {
    this.#read = onRead;
    this.element = makeSvg('svg', {
      class: 'spark', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img',
    });
    this.element.append(this.#area, this.#line, this.#cursor);
    this.element.addEventListener('pointermove', (event) => this.#point(event.offsetX / this.element.clientWidth));
    this.element.addEventListener('pointerleave', () => this.#point(null));
  }

  /// `points`: {at, value or null}, by time; `from`, `to`: the times at the edges, in ms; `label`: in words.
  show({ points, from, to, label }) {
    this.#points = points.filter(({ at }) => at >= from);
    this.#from = from;
    this.#to = to;
    setAttribute(this.element, 'aria-label', label);
    const highest = Math.max(0, ...this.#points.map(({ value }) => value ?? 0));
    const y = (value) => (highest === 0 ? HEIGHT - 1 : TOP + (1 - value / highest) * (HEIGHT - TOP - 1));
    let line = '';
    let area = '';
    for (const run of this.#runs()) {
      const path = run.map(({ at, value }) => `${this.#x(at).toFixed(1)} ${y(value).toFixed(1)}`).join('L');
      line += `M${path}`;
      area += `M${this.#x(run[0].at).toFixed(1)} ${HEIGHT}L${path}L${this.#x(run.at(-1).at).toFixed(1)} ${HEIGHT}Z`;
    }
    setAttribute(this.#line, 'd', line);
    setAttribute(this.#area, 'd', area);
  }

  #x(at) {
    return (WIDTH * (at - this.#from)) / (this.#to - this.#from);
  }

  #runs() {
    const runs = [[]];
    for (const point of this.#points) {
      if (point.value === null) runs.push([]);
      else runs.at(-1).push(point);
    }
    return runs.filter((run) => run.length > 0);
  }

  #point(share) {
    const at = share === null ? null : this.#from + share * (this.#to - this.#from);
    const known = at === null ? [] : this.#points.filter(({ value }) => value !== null);
    const away = (point) => Math.abs(point.at - at);
    const nearest = known.reduce((best, one) => (!best || away(one) < away(best) ? one : best), null);
    setAttribute(this.#cursor, 'd', nearest ? `M${this.#x(nearest.at).toFixed(1)} 0V${HEIGHT}` : '');
    this.#read(nearest);
  }
}
