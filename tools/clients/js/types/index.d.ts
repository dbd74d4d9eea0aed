export type JobState = 'pending' | 'active' | 'completed' | 'failed' | 'cancelled';

/** A job as the server tells of it. What is not known yet is null. */
export interface Job {
  id: string;
  kind: string | null;
  runner: 'timer' | 'cpu' | 'external';
  owner: string;
  state: JobState;
  done: number;
  total: number;
  /** 0 to 100, at most two decimals. */
  percent: number;
  message: string | null;
  result: unknown;
  failedReason: string | null;
  createdAt: string;
  startedAt: string | null;
  finishedAt: string | null;
  attempt: number;
  /** W3C Trace Context, of the request that created it. */
  traceparent: string | null;
  ratePerSecond: number | null;
  etaSeconds: number | null;
  /** Of the job's latest event. */
  eventId: string;
}

export interface NewJob {
  id?: string;
  kind?: string;
  runner?: Job['runner'];
  owner?: string;
  total?: number;
  stepMs?: number;
  stepWork?: number;
  failAt?: number;
  failedReason?: string;
  message?: string;
  result?: unknown;
  repeat?: number;
  stallAfterMs?: number;
}

export type JobEvent =
  | { type: 'snapshot' | 'completed' | 'failed' | 'cancelled' | 'removed'; id: string; data: Job }
  | { type: 'progress'; id: string; data: Partial<Job> & Pick<Job, 'id' | 'state' | 'done' | 'total' | 'percent'> }
  | { type: 'gap'; id: string; data: { lastEventId: string } };

export type Connection = 'connecting' | 'open' | 'reconnecting' | 'closed';

export interface RequestOptions {
  /** Where the server is: an absolute URL, or a path of the page's origin. Default: that origin. */
  baseUrl?: string;
  /** A bearer token, or what gives one; it is asked before each request. */
  token?: string | (() => string | Promise<string>);
  /** As for fetch. Default: same-origin. */
  credentials?: RequestCredentials;
  signal?: AbortSignal;
}

export interface StreamOptions extends RequestOptions {
  /** Default: eventsource where there is one and no token, else fetch. */
  transport?: 'fetch' | 'eventsource';
  /** The longest first wait before coming back, in milliseconds; the server's `retry:` overrides it. */
  retryMs?: number;
  /** So much silence and a stream is opened anew, in milliseconds. Default: 45,000. */
  stallMs?: number;
  onConnection?(connection: Connection): void;
  /** It is over: refused for good, or the job is gone. */
  onError?(error: ProgressdError): void;
}

export interface FollowOptions extends StreamOptions {
  /**
   * One connection for all tabs of the origin. Default: true, by a SharedWorker where there is one,
   * else by an elected tab. 'worker' and 'tabs' ask for one of them; false: a connection of this page's own.
   */
  share?: boolean | 'worker' | 'tabs';
  /**
   * Who the user is: tabs of the same one share. Default: the token's `sub`. With a cookie, which the
   * page may be unable to read, tabs share only when this is given. It is not sent to the server.
   */
  user?: string;
  onEvent?(event: JobEvent): void;
  /** How the job stands, after each event that says so. */
  onJob?(job: Job): void;
}

export interface Following<Outcome> {
  readonly connection: Connection;
  /** By id: all that is known. */
  readonly jobs: ReadonlyMap<string, Job>;
  /** Rejects with a ProgressdError, or with an AbortError after close(). */
  readonly done: Promise<Outcome>;
  close(): void;
}

export interface FollowingJob extends Following<Job> {
  readonly id: string;
  readonly job: Job | null;
}

export interface Stream {
  readonly connection: Connection;
  readonly closed: boolean;
  close(): void;
}

export class ProgressdError extends Error {
  constructor(message: string, status?: number, retryAfterMs?: number);
  /** Of the answer; 0 when there was none. */
  readonly status: number;
  readonly retryAfterMs: number;
  readonly retryable: boolean;
}

export function followJob(id: string, options?: FollowOptions): FollowingJob;
export function followMine(options?: FollowOptions): Following<never>;
export function createJob(fields?: NewJob, options?: RequestOptions & { idempotencyKey?: string }): Promise<Job>;
export function getJob(id: string, options?: RequestOptions): Promise<Job>;
export function cancelJob(id: string, options?: RequestOptions): Promise<Job>;

/** Any event stream of the server, kept open by its last event id. */
export function openStream(
  path: string,
  options?: StreamOptions & { onEvent?(event: { type: string; id: string; data: string }): void },
): Stream;

/** Any request with a JSON answer; null where the answer is empty. */
export function request<Answer = unknown>(
  method: string,
  path: string,
  body?: unknown,
  options?: RequestOptions & { headers?: Record<string, string> },
): Promise<Answer>;
