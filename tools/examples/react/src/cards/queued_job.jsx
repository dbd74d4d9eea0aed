import { useState } from 'react';
import { request } from 'progressd-client';
import { useJobSSE } from 'progressd-client/use-job-sse';
import { Button, Card, useAction } from '../card.jsx';

const QUEUES = { character: '/api/v1/characters/queue', media: '/api/v1/media/queue' };

export function QueuedJob() {
  const [type, setType] = useState('character');
  const [jobId, setJobId] = useState(null);
  const [made, setMade] = useState(null);
  const { jobStatus, isConnected, progress, status, error } = useJobSSE({ jobId, type, onComplete: setMade });
  const start = useAction(async () => {
    setMade(null);
    setJobId((await request('POST', QUEUES[type], { name: 'Test', age: 25 })).data.jobId);
  });
  const isLive = jobId !== null && status !== 'completed' && status !== 'failed' && (isConnected || !error);
  const result = made && `made: ${made.characterId ?? made.mediaId}`;
  return (
    <Card
      title="Queued jobs"
      about="useJobSSE: a character or a medium is made, and the hook says when."
      state={jobStatus && status}
      percent={jobStatus && progress}
      note={start.problem || error || result}
    >
      <label>
        Make a{' '}
        <select
          value={type}
          disabled={isLive}
          onChange={({ target }) => {
            setJobId(null);
            setMade(null);
            setType(target.value);
          }}
        >
          <option value="character">character</option>
          <option value="media">medium</option>
        </select>
      </label>
      <Button onClick={start.run} isOff={start.isBusy || isLive}>Start</Button>
    </Card>
  );
}
