// What a hub and its tabs know: who follows what, and how each job stands. It is a fold of the
// messages between them, and each side keeps its own: the tab that becomes the next hub goes on from
// its mirror where the last one stopped.
//
// The messages, all of them plain data, each heard by everybody:
//   from a tab   wants {tab, mine, jobs, isNew}    all that it follows now
//                bye {tab}
//   from a hub   begin {isFresh}                   say what you want; isFresh: it knows of nothing yet
//                welcome {tab, state}              for one tab: what a late comer has missed
//                event {lane, event, jobs}         jobs: whom a gap concerns
//                connection {lane, connection, lastEventId}    an id only when streams changed over
//                refused {lane, job, problem}      job: null for the lane of one's own jobs
//
// A lane is what one stream carries: 'mine', or some of the jobs that are followed by id.

import { ProgressdError } from './problem.js';

export const MINE = 'mine';
export const TERMINAL = ['completed', 'failed', 'cancelled'];

/** Ids of events remembered for each lane, so that none is told twice when streams change over. */
const SEEN_MAX = 4_096;

export class Mirror {
  constructor(state = { tabs: new Map(), lanes: new Map() }) {
    this.state = state;
  }

  /** A copy that goes its own way. */
  clone() {
    return new Mirror(structuredClone(this.state));
  }

  lane(name) {
    const { lanes } = this.state;
    if (!lanes.has(name)) {
      lanes.set(name, { connection: 'connecting', lastEventId: '', jobs: new Map(), seen: new Set() });
    }
    return lanes.get(name);
  }

  /** Of a followed job; undefined before the first word of it. */
  laneOf(job) {
    for (const [name, lane] of this.state.lanes) {
      if (name !== MINE && lane.jobs.has(job)) return lane;
    }
    return undefined;
  }

  /** Whether that event of a job, or a snapshot that shows it, was told in that lane. */
  isTold(lane, job, eventId) {
    return lane.jobs.get(job)?.eventId === eventId || lane.seen.has(eventId);
  }

  wanted() {
    const tabs = [...this.state.tabs.values()];
    return { mine: tabs.some((tab) => tab.mine), jobs: new Set(tabs.flatMap((tab) => tab.jobs)) };
  }

  /** Whether `message` was news. */
  apply(message) {
    const { tabs } = this.state;
    switch (message.kind) {
      case 'wants':
        tabs.set(message.tab, { mine: message.mine, jobs: message.jobs });
        return this.#forgetUnwanted();
      case 'bye':
        return tabs.delete(message.tab) && this.#forgetUnwanted();
      case 'welcome':
        this.state = message.state;
        return true;
      case 'event':
        return this.#applyEvent(this.lane(message.lane), message.event);
      case 'connection':
        this.lane(message.lane).connection = message.connection;
        if (message.lastEventId) this.lane(message.lane).lastEventId = message.lastEventId;
        return true;
      case 'refused':
        for (const tab of tabs.values()) {
          if (message.job === null) tab.mine = false;
          else tab.jobs = tab.jobs.filter((job) => job !== message.job);
        }
        return this.#forgetUnwanted();
      default:
        return true;
    }
  }

  #forgetUnwanted() {
    const { mine, jobs } = this.wanted();
    const { lanes } = this.state;
    if (!mine) lanes.delete(MINE);
    for (const [name, lane] of lanes) {
      if (name === MINE) continue;
      for (const job of lane.jobs.keys()) if (!jobs.has(job)) lane.jobs.delete(job);
    }
    return true;
  }

  #applyEvent(lane, { type, id, data }) {
    if (id) lane.lastEventId = id;
    if (type === 'gap') {
      lane.jobs.clear();  // snapshots of all that there is follow
      lane.lastEventId = '';  // what it stood for is not known any more
      return true;
    }
    const known = lane.jobs.get(data.id);
    const eventId = data.eventId ?? id;  // a snapshot's own id may be a partial one
    if (this.isTold(lane, data.id, eventId) && (known || type !== 'snapshot')) return false;
    lane.seen.add(eventId);
    if (lane.seen.size > SEEN_MAX) lane.seen.delete(lane.seen.values().next().value);
    if (type === 'removed') lane.jobs.delete(data.id);
    else lane.jobs.set(data.id, { ...known, ...data, eventId });
    return true;
  }
}

/** While a stream of many jobs begins, its ids resume nothing: not every job has been told of yet. */
export const isPartial = (eventId) => eventId.endsWith('~');

/** A problem as a message can carry it. */
export const plainProblem = ({ message, status, retryAfterMs }) => ({ message, status, retryAfterMs });

export const problemOf = ({ message, status, retryAfterMs }) =>
  new ProgressdError(message, status, retryAfterMs);
