import { useState } from 'react';
import { Button, Card } from '../card.jsx';
import { useStream } from '../use_stream.js';

export function LoopingTask() {
  const [isWatching, setWatching] = useState(false);
  const [progress, setProgress] = useState(null);
  const [problem, setProblem] = useState('');
  useStream(isWatching ? '/events' : null, {
    onMessage: setProgress,
    onError: ({ message }) => {
      setProblem(message);
      setWatching(false);
    },
  });
  const toggle = () => {
    setProblem('');
    setWatching(!isWatching);
  };
  return (
    <Card
      title="A looping task"
      about="One task for everybody, from 0 to 100 and round again, for ever."
      state={progress && (isWatching ? 'watching' : 'paused')}
      tone={isWatching ? 'active' : 'idle'}
      percent={progress && Number(progress.percent)}
      note={problem || (progress && `${progress.moved} of ${progress.total} moved`)}
    >
      <Button onClick={toggle} aria-pressed={isWatching}>Watch</Button>
    </Card>
  );
}
