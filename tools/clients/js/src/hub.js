// The hub: holds the streams for all tabs that share it, and tells them what comes. There is one for
// each scope (a server, a user): in a SharedWorker, or in the tab that was elected; a page that does
// not share has its own.

import { fitsOneQuery, Lane } from './lane.js';
import { MINE, Mirror } from './mirror.js';

export class Hub {
  #settings;
  #post;
  #mirror;
  #lanes = new Map();
  #closed = false;

  /** `post(message)`: to every tab. `mirror`: what the last hub left, for this one to go on from. */
  constructor(settings, post, mirror = new Mirror()) {
    this.#settings = settings;
    this.#post = post;
    this.#mirror = mirror;
    for (const name of mirror.state.lanes.keys()) this.#lane(name);
    this.#update();
  }

  /** What a tab says. */
  receive(message) {
    if (this.#closed || (message.kind !== 'wants' && message.kind !== 'bye')) return;
    this.#mirror.apply(message);
    if (message.isNew) {
      this.#post({ kind: 'welcome', tab: message.tab, state: structuredClone(this.#mirror.state) });
    }
    this.#update();
  }

  /** The ids of the tabs that it serves. */
  get tabs() {
    return this.#mirror.state.tabs.keys();
  }

  close() {
    this.#closed = true;
    for (const lane of this.#lanes.values()) lane.close();
  }

  #tell(message) {
    if (this.#closed || !this.#mirror.apply(message)) return;
    this.#post(message);
    if (message.kind === 'refused') this.#update();
  }

  // Each job stays in the lane that has it; a new one goes to the first lane with room.
  #update() {
    const { mine, jobs } = this.#mirror.wanted();
    const shares = new Map([[MINE, new Set(mine ? [MINE] : [])]]);
    const homeless = new Set(jobs);
    for (const lane of this.#lanes.values()) {
      if (lane.name === MINE) continue;
      shares.set(lane.name, new Set([...lane.jobs].filter((job) => homeless.delete(job))));
    }
    for (const job of homeless) {
      const names = [...shares.keys()].filter((name) => name !== MINE);
      const name = names.find((one) => fitsOneQuery([...shares.get(one), job])) ?? `jobs ${names.length}`;
      shares.set(name, new Set(shares.get(name)).add(job));
    }
    for (const [name, share] of shares) this.#lane(name).want(share);
  }

  #lane(name) {
    if (!this.#lanes.has(name)) {
      const tell = (message) => this.#tell(message);
      this.#lanes.set(name, new Lane(name, this.#settings, this.#mirror, tell));
    }
    return this.#lanes.get(name);
  }
}
