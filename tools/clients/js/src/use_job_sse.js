// Queued jobs with owners, by the names of an existing front end's useJobSSE hook.

import { useEffect, useRef, useState } from 'react';
import { openStream } from './follow.js';

const NOTHING = { jobStatus: null, isConnected: false, error: null };

export function useJobSSE({ jobId, type, token, apiBase, onComplete, onError, onProgress }) {
  const [told, setTold] = useState(NOTHING);
  const callbacks = useRef({ onComplete, onError, onProgress });
  callbacks.current = { onComplete, onError, onProgress };
  const stream = useRef(null);

  useEffect(() => {
    setTold(NOTHING);
    if (!jobId) return undefined;
    const take = (news) => setTold((before) => ({ ...before, ...news }));
    const merge = (status) => setTold((before) => ({ ...before, jobStatus: { ...before.jobStatus, ...status } }));
    const finish = (error) => {
      stream.current.close();
      take({ error });
      if (error) callbacks.current.onError?.(error);
    };
    const path = `/api/v1/sse/jobs/${type === 'character' ? 'character' : 'media'}/${encodeURIComponent(jobId)}`;
    stream.current = openStream(path, {
      baseUrl: apiBase,
      token,
      onEvent: ({ data }) => {
        const status = JSON.parse(data);
        if (status.type === 'initial_status') merge(status);
        if (status.type !== 'job_update') return;
        merge(status);
        if (status.progress !== undefined) callbacks.current.onProgress?.(status.progress);
        if (status.status === 'failed') finish(status.failedReason || 'Job failed');
        if (status.status !== 'completed') return;
        finish(null);
        callbacks.current.onComplete?.(status.result);
      },
      onConnection: (connection) => take({
        isConnected: connection === 'open',
        ...connection === 'open' && { error: null },
        ...connection === 'reconnecting' && { error: 'Connection error' },
      }),
      onError: (problem) => finish(problem.message),
    });
    return () => stream.current.close();
  }, [jobId, type, token, apiBase]);

  return {
    ...told,
    progress: told.jobStatus?.progress || 0,
    status: told.jobStatus?.status || 'pending',
    disconnect: () => stream.current?.close(),
  };
}
