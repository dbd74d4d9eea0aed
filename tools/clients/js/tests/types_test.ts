// Compiled, never run: what callers write has the types that they expect, and the declarations name
// what the modules really export.

import * as client from '../src/index.js';
import * as react from '../src/react.js';
import * as service from '../src/sse_service.js';
import * as hook from '../src/use_job_sse.js';
import type * as clientTypes from '../types/index.js';
import type * as reactTypes from '../types/react.js';
import type * as serviceTypes from '../types/sse_service.js';
import type * as hookTypes from '../types/use_job_sse.js';
import { createJob, followJob, followMine, ProgressdError } from 'progressd-client';
import { useJobProgress } from 'progressd-client/react';
import { sseService } from 'progressd-client/sse-service';
import { useJobSSE } from 'progressd-client/use-job-sse';

type SameNames<A, B> = [keyof A, keyof B] extends [keyof B, keyof A] ? true : never;
const declared: [
  SameNames<typeof client, typeof clientTypes>,
  SameNames<typeof react, typeof reactTypes>,
  SameNames<typeof service, typeof serviceTypes>,
  SameNames<typeof hook, typeof hookTypes>,
] = [true, true, true, true];
void declared;

export async function callers(): Promise<void> {
  const { id } = await createJob({ total: 10, runner: 'timer' }, { idempotencyKey: 'once' });
  const following = followJob(id, {
    token: async () => 'token',
    onEvent(event) {
      if (event.type === 'gap') event.data.lastEventId.toUpperCase();
      else event.data.percent.toFixed();
    },
    onJob: (job) => job.owner.toUpperCase(),
    onError: (error: ProgressdError) => error.status.toFixed(),
  });
  const over: 'completed' | 'failed' | 'cancelled' | 'pending' | 'active' = (await following.done).state;
  void over;
  // @ts-expect-error a job has no such state
  following.job?.state === 'done';
  // @ts-expect-error there is no such means of sharing
  followMine({ share: 'cookie' });
  // @ts-expect-error a runner that nobody has
  await createJob({ runner: 'gpu' });

  const { percent, job, error, connection } = useJobProgress(null, { share: false, user: 'ann' });
  const shown: [number, string | undefined, number | undefined, 'connecting' | 'open' | 'reconnecting' | 'closed'] =
    [percent, job?.id, error?.status, connection];
  void shown;
  await sseService.connect('user_123');
  sseService.onProgress(({ completed, total }) => `${completed}/${total}`)();
  const { status, disconnect } = useJobSSE({ jobId: id, type: 'media', onProgress: (value) => value.toFixed() });
  disconnect();
  // @ts-expect-error it is one of four
  status === 'done';
}
