// The jobs that one stream follows. A job that joins later wants a snapshot, and the others want no
// event lost: an event id resumes only a stream of the same jobs. So a second stream is opened, of
// all of them and from the start, and its events are held back until it has shown how every job stands
// and the two streams have met: for each job that both carry, one has come that was told already.
// Then it takes over:
//
//   current  A─B─A────A─B        told as they come
//   next          (A B C)─A─B─C  held; told from here on, without what was told already
//
// A job that nobody wants any more stays in the query until the stream is opened anew.

import { MINE, plainProblem } from './mirror.js';
import { jobPath, request } from './requests.js';
import { Stream } from './stream.js';

/** Beyond this the new stream takes over whatever it has. It may be waiting for one of the six
 * connections that a browser allows for each host, and the old stream has one. */
const JOIN_MS_MAX = 5_000;

/** Of the part of a query that names jobs; a server allows 8 KiB for the whole request target. */
const QUERY_CHARS_MAX = 6_000;

const isWithin = (some, all) => [...some].every((one) => all.has(one));
export const fitsOneQuery = (jobs) => query(jobs).length <= QUERY_CHARS_MAX;
const query = (jobs) => [...jobs].map((job) => `job=${encodeURIComponent(job)}`).join('&');

export class Lane {
  #settings;
  #mirror;
  #tell;
  #current = null;  // {stream, jobs, held}: held is null for the one that is told
  #next = null;
  #joinTimer = 0;

  /** `tell(message)`: to everybody; what comes of it is in the mirror afterwards. */
  constructor(name, settings, mirror, tell) {
    this.name = name;
    this.jobs = new Set(mirror.lane(name).jobs.keys());  // that are wanted
    this.#settings = settings;
    this.#mirror = mirror;
    this.#tell = tell;
  }

  want(jobs) {
    this.jobs = jobs;
    if (jobs.size === 0) return this.close();
    for (const member of [this.#current, this.#next]) {
      if (!member) continue;
      // One that comes back later shall get a snapshot then: it counts as new.
      for (const job of member.jobs) if (!jobs.has(job)) member.jobs.delete(job);
    }
    if (this.#current && isWithin(jobs, this.#current.jobs)) return this.#dropNext();
    if (this.#next && isWithin(jobs, this.#next.jobs)) return this.#joinIfReady();
    this.#dropNext();
    if (this.#current?.stream.connection === 'open') {
      this.#next = this.#open(jobs, '', []);
      this.#joinTimer = setTimeout(() => this.#join(), JOIN_MS_MAX);
    } else {
      // Nothing flows: begin anew, from the last id if every job has been told of.
      const { lastEventId, jobs: known } = this.#mirror.lane(this.name);
      const resumes = this.name === MINE || isWithin(jobs, known);
      this.#current?.stream.close();
      this.#current = this.#open(jobs, resumes ? lastEventId : '', null);
    }
  }

  close() {
    this.#dropNext();
    this.#current?.stream.close();
    this.#current = null;
  }

  #dropNext() {
    clearTimeout(this.#joinTimer);
    this.#next?.stream.close();
    this.#next = null;
  }

  #open(wanted, lastEventId, held) {
    const jobs = new Set(wanted);
    const member = { jobs, held, stream: null };
    const path = () => (this.name === MINE ? '/v1/events?owner=me' : `/v1/events?${query(jobs)}`);
    member.stream = new Stream(path, this.#settings, {
      onEvent: (event) => this.#take(member, { ...event, data: JSON.parse(event.data) }),
      onConnection: () => this.#sayConnection(member),
      onRefused: (problem) => this.#sortOut(member, problem),
    }, lastEventId);
    return member;
  }

  #take(member, event) {
    const isOfNoUse = this.name !== MINE && event.type !== 'gap' && !member.jobs.has(event.data.id);
    if (isOfNoUse) return;
    if (!member.held) this.#tellEvent(event);
    // It was cut within its opening and begins anew: for those who read the other stream, nothing is lost.
    else if (event.type === 'gap') member.held = [];
    else member.held.push(event);
    this.#joinIfReady();
  }

  #joinIfReady() {
    if (!this.#next) return;
    const { held, jobs } = this.#next;
    const shows = ({ type }) => type === 'snapshot' || type === 'removed';  // gone before its turn came
    const isShown = new Set(held.filter(shows).map(({ data }) => data.id));
    const meetings = this.#meetings();
    const isReady = (job) => isShown.has(job) && (!this.#current.jobs.has(job) || meetings.has(job));
    if ([...jobs].every(isReady)) this.#join();
  }

  // For each job of both streams, the place of the latest held event that was told already.
  #meetings() {
    const lane = this.#mirror.lane(this.name);
    const places = new Map();
    this.#next.held.forEach(({ id, data }, at) => {
      // After a gap of the old stream, how the job stands has to be told again.
      const isTold = lane.jobs.has(data.id) && this.#mirror.isTold(lane, data.id, data.eventId ?? id);
      if (isTold && this.#current.jobs.has(data.id)) places.set(data.id, at);
    });
    return places;
  }

  #join() {
    clearTimeout(this.#joinTimer);
    const meetings = this.#meetings();
    this.#current.stream.close();
    this.#current = this.#next;
    this.#next = null;
    const { held } = this.#current;
    this.#current.held = null;
    held.forEach((event, at) => {
      if (!(at <= meetings.get(event.data.id))) this.#tellEvent(event);
    });
    this.#sayConnection(this.#current, held.at(-1)?.id);
  }

  #tellEvent(event) {
    const jobs = event.type === 'gap' ? [...this.jobs] : [];
    this.#tell({ kind: 'event', lane: this.name, event, jobs });
  }

  #sayConnection(member, lastEventId) {
    const { connection } = member.stream;
    if (member !== this.#current || connection === 'closed') return;
    this.#tell({ kind: 'connection', lane: this.name, connection, lastEventId });
  }

  // One job that is unknown or somebody else's gets the whole stream refused: find out which.
  async #sortOut(member, problem) {
    const refuse = (job, why) =>
      this.#tell({ kind: 'refused', lane: this.name, job, problem: plainProblem(why) });
    if (this.name === MINE) return refuse(null, problem);
    const jobs = [...member.jobs];
    const isOfOneJob = problem.status === 403 || problem.status === 404;
    const problems = await Promise.all(jobs.map((job) => (isOfOneJob
      ? request('GET', jobPath(job), undefined, this.#settings).then(() => null, (why) => why)
      : problem)));
    if (member.stream.closed) return false;
    const refused = jobs.filter((job, at) => problems[at] && !problems[at].retryable);
    for (const job of refused) refuse(job, problems[jobs.indexOf(job)]);
    // Those that are left are tried again. When all were known, another node may know them later.
    return refused.length > 0 ? 'now' : 'later';
  }
}
