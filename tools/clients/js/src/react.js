// React hooks. Options are compared one by one: a token function should be the same one each time.

import { useEffect, useState } from 'react';
import { followJob } from './follow.js';

const NOTHING = { job: null, error: null, connection: 'connecting' };

/** `id`: null while there is no job yet. */
export function useJobProgress(id, options = {}) {
  const { baseUrl, token, user, credentials, transport, share, retryMs, stallMs } = options;
  const [told, setTold] = useState({ ...NOTHING, id });
  useEffect(() => {
    setTold({ ...NOTHING, id });
    if (!id) return undefined;
    const take = (news) => setTold((before) => ({ ...before, ...news }));
    const following = followJob(id, {
      baseUrl, token, user, credentials, transport, share, retryMs, stallMs,
      onJob: (job) => take({ job }),
      onError: (error) => take({ error }),
      onConnection: (connection) => take({ connection }),
    });
    return () => following.close();
  }, [id, baseUrl, token, user, credentials, transport, share, retryMs, stallMs]);
  // What was told of another job, while the effect has not run yet, is not this one's.
  const { job, error, connection } = told.id === id ? told : NOTHING;
  return { job, percent: job?.percent ?? 0, state: job?.state ?? null, error, connection };
}
