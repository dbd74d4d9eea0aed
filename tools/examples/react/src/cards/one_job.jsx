import { useState } from 'react';
import { cancelJob, createJob } from 'progressd-client';
import { useJobProgress } from 'progressd-client/react';
import { Button, Card, useAction } from '../card.jsx';

export function OneJob() {
  const [id, setId] = useState(null);
  const { job, percent, state, error, connection } = useJobProgress(id);
  const start = useAction(async () => setId((await createJob({ total: 100, stepMs: 100, kind: 'demo' })).id));
  const cancel = useAction(() => cancelJob(id));
  const isLive = id !== null && connection !== 'closed';
  const eta = job?.etaSeconds > 0 ? `about ${job.etaSeconds} s left` : '';
  return (
    <Card
      title="A job of one’s own"
      about="useJobProgress: one hook, and one connection for all tabs that show this page."
      state={error ? 'lost' : state}
      tone={error ? 'failed' : state}
      percent={id === null ? null : percent}
      note={start.problem || cancel.problem || error?.message || (connection === 'reconnecting' ? 'reconnecting' : eta)}
    >
      <Button onClick={start.run} isOff={start.isBusy || isLive}>Start</Button>
      <Button onClick={cancel.run} isOff={cancel.isBusy || !isLive}>Cancel</Button>
    </Card>
  );
}
