import { useState } from 'react';
import { request } from 'progressd-client';
import { Button, Card, useAction } from '../card.jsx';
import { useStream } from '../use_stream.js';

const TONES = { pending: 'pending', completed: 'completed', error: 'failed' };

export function JobStatus() {
  const [id, setId] = useState(null);
  const [status, setStatus] = useState(null);
  const start = useAction(async () => {
    setStatus(null);
    setId((await request('POST', '/create_job')).job_id);
  });
  useStream(id && `/client_status?job_id=${encodeURIComponent(id)}`, {
    onMessage: (now, close) => {
      setStatus(now);
      if (now.result !== 'pending') close();
    },
    onError: ({ message }) => setStatus({ result: 'error', message }),
  });
  const isOver = status !== null && status.result !== 'pending';
  return (
    <Card
      title="Job status"
      about="Pending, then completed or an error: nobody knows how far it is."
      state={status?.result}
      tone={TONES[status?.result]}
      percent={status?.result === 'completed' ? 100 : null}
      note={start.problem || status?.message}
    >
      <Button onClick={start.run} isOff={start.isBusy || (id !== null && !isOver)}>Start</Button>
    </Card>
  );
}
