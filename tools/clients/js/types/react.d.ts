import type { Connection, FollowOptions, Job, JobState, ProgressdError } from './index.js';

export interface JobProgress {
  job: Job | null;
  /** 0 before the first word of the job. */
  percent: number;
  state: JobState | null;
  error: ProgressdError | null;
  connection: Connection;
}

export function useJobProgress(
  id: string | null | undefined,
  options?: Omit<FollowOptions, 'onEvent' | 'onJob' | 'onConnection' | 'onError' | 'signal'>,
): JobProgress;
