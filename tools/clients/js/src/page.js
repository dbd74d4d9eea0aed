// A page's side of the hub: what it follows, and what it has been told. It joins with its first
// following and leaves with its last, or when the page goes to sleep; awake again it joins anew, and
// each following is told how its jobs stand now, if that has changed.
//
// The hub that it finds may know more than the page, less (it has just been started, or goes on from
// what a page knew that slept longer), or nothing yet. So what a following heard is not told to it
// again; and jobs that it knows count as removed only when a lane does not name them that is open,
// has shown all there is, and has come further than the following.

import { Hub } from './hub.js';
import { holdLock, locks, serveHub } from './hub_host.js';
import { isPartial, MINE, Mirror, problemOf } from './mirror.js';
import { isAsleep, watchSleep } from './page_sleep.js';
import { request } from './requests.js';
import { joinScope } from './sharing.js';

const pages = new Set();

/** The page that goes with these settings; `followings` that want the same share it. */
export function pageOf(settings, share) {
  const isSame = (page) => page.share === share
    && Object.keys(settings).every((name) => page.settings[name] === settings[name]);
  return [...pages].find(isSame) ?? new Page(settings, share);
}

class Page {
  #followings = new Set();
  #uncompared = new Set();  // followings of all jobs that may know some which have gone
  #mirror = new Mirror();
  #tab = Math.random().toString(36).slice(2);
  #isWelcome = false;
  #isAsking = false;  // the server, whether there is any job
  #changed = false;
  #post = null;  // to the hub, while there is one
  #left = null;  // an AbortController, while the page has joined
  #unwatch;

  constructor(settings, share) {
    this.settings = settings;
    this.share = share;
    pages.add(this);
    this.#unwatch = watchSleep((asleep) => (asleep ? this.#leave() : this.#join()));
    if (!isAsleep()) this.#join();
  }

  add(following) {
    this.#followings.add(following);
    this.#wantSoon();
  }

  delete(following) {
    this.#uncompared.delete(following);
    if (this.#followings.delete(following)) this.#wantSoon();
  }

  // What is asked for in one go, say twenty jobs of a list, is one change.
  #wantSoon() {
    if (this.#changed) return;
    this.#changed = true;
    queueMicrotask(() => {
      this.#changed = false;
      for (const following of this.#followings) this.#catchUp(following);
      if (this.#followings.size > 0) return this.#sayWants();
      this.#unwatch();
      this.#leave();
      pages.delete(this);
    });
  }

  async #join() {
    const left = new AbortController();
    const { signal } = left;
    this.#left = left;
    const scope = await joinScope(this.share, this.settings);
    if (signal.aborted) return;
    if (scope === null) return this.#haveOwnHub(signal);
    const channel = new BroadcastChannel(scope);
    channel.onmessage = ({ data }) => this.#receive(data);
    signal.addEventListener('abort', () => {
      channel.postMessage({ kind: 'bye', tab: this.#tab });
      channel.close();
    });
    const enter = () => {
      this.#post = (message) => channel.postMessage(message);
      this.#sayWants();
    };
    if (!locks()) return enter();
    holdLock(`${scope} tab ${this.#tab}`, signal, enter);
    holdLock(`${scope} hub`, signal, () => serveHub(scope, this.settings, signal, this.#mirror.clone()));
  }

  // Both sides hear of each other a little later, as over a channel: no callback inside a call.
  #haveOwnHub(signal) {
    const later = (take) => (message) => queueMicrotask(() => signal.aborted || take(message));
    const hub = new Hub(this.settings, later((message) => this.#receive(message)), this.#mirror.clone());
    signal.addEventListener('abort', () => hub.close());
    this.#post = later((message) => hub.receive(message));
    this.#sayWants();
  }

  #leave() {
    this.#left?.abort();
    this.#left = null;
    this.#post = null;
    this.#isWelcome = false;
    this.#uncompared.clear();
  }

  #sayWants() {
    const all = [...this.#followings];
    const jobs = new Set(all.filter(({ id }) => id !== null).map(({ id }) => id));
    const mine = all.some(({ id }) => id === null);
    const wants = { kind: 'wants', tab: this.#tab, mine, jobs: [...jobs], isNew: !this.#isWelcome };
    this.#mirror.apply(wants);
    this.#post?.(wants);
  }

  #receive(message) {
    if (message.kind === 'begin') {
      if (message.isFresh) this.#isWelcome = false;
      return this.#sayWants();
    }
    if (message.kind === 'welcome') {
      if (message.tab !== this.#tab || this.#isWelcome) return;
      this.#isWelcome = true;
      this.#mirror.apply(message);
      for (const following of this.#followings) if (following.id === null) this.#uncompared.add(following);
      return this.#wantSoon();
    }
    // What comes before the welcome is part of it.
    if (!this.#isWelcome || !this.#mirror.apply(message)) return;
    for (const following of [...this.#followings]) this.#pass(message, following);
  }

  #pass({ kind, lane, event, jobs, job, problem }, following) {
    this.#sayConnection(following);
    const isMine = following.id === null;
    if (isMine !== (lane === MINE)) return;
    if (kind === 'refused' && following.id === job) return following.fail(problemOf(problem));
    this.#compare(following);
    if (kind !== 'event') return;
    const { type, id, data } = event;
    const isConcerned = isMine || data.id === following.id || (type === 'gap' && jobs.includes(following.id));
    const isNews = type === 'gap' || !following.wasTold(data.eventId ?? id, data.id);
    if (isConcerned && isNews) following.take(event, this.#mirror.lane(lane).jobs.get(data.id));
    this.#note(following);
  }

  #laneOf({ id }) {
    return id === null ? this.#mirror.state.lanes.get(MINE) : this.#mirror.laneOf(id);
  }

  #sayConnection(following) {
    const lane = this.#laneOf(following);
    if (lane) following.setConnection(lane.connection);
  }

  // Tells a following what was told before it came, or while it slept.
  #catchUp(following) {
    const lane = this.#laneOf(following);
    if (!lane || !this.#isWelcome) return;
    this.#sayConnection(following);
    const jobs = following.id === null ? lane.jobs.values() : [lane.jobs.get(following.id)];
    for (const job of [...jobs]) {
      if (following.wasTold(job.eventId, job.id)) continue;
      following.take({ type: 'snapshot', id: job.eventId, data: job }, job);
    }
    this.#compare(following);
    this.#note(following);
  }

  // A following of all jobs has come as far as its lane: no lane that is there already tells of later ones.
  #note(following) {
    if (following.id !== null || this.#uncompared.has(following)) return;
    const { lastEventId } = this.#mirror.lane(MINE);
    if (lastEventId !== '' && !isPartial(lastEventId)) following.note(lastEventId);
  }

  // Tells a following of all jobs which of them have gone, once its lane shows that.
  #compare(following) {
    const lane = this.#mirror.state.lanes.get(MINE);
    if (!this.#uncompared.has(following) || lane?.connection !== 'open') return;
    if (lane.lastEventId === '') this.#askForAny();
    else if (!isPartial(lane.lastEventId) && !following.wasTold(lane.lastEventId)) this.#tellRemoved(following);
  }

  // A stream of no jobs begins without a word.
  async #askForAny() {
    if (this.#isAsking || ![...this.#uncompared].some(({ jobs }) => jobs.size > 0)) return;
    this.#isAsking = true;
    const { signal } = this.#left;
    const answer = await request('GET', '/v1/jobs?owner=me&limit=1', undefined, { ...this.settings, signal })
      .catch(() => null);  // asked again when the stream is open again
    this.#isAsking = false;
    const lane = this.#mirror.state.lanes.get(MINE);
    if (signal.aborted || answer?.jobs?.length !== 0 || lane?.lastEventId !== '') return;
    for (const following of [...this.#uncompared]) this.#tellRemoved(following);
  }

  #tellRemoved(following) {
    this.#uncompared.delete(following);
    const lane = this.#mirror.lane(MINE);
    for (const job of [...following.jobs.values()]) {
      if (!lane.jobs.has(job.id)) following.take({ type: 'removed', id: lane.lastEventId, data: job });
    }
  }
}
