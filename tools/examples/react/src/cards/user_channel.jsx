import { useEffect, useState } from 'react';
import { request } from 'progressd-client';
import { sseService } from 'progressd-client/sse-service';
import { Button, Card, useAction } from '../card.jsx';

const FILES = 10;
const FILE_MS = 500;
const SLOW_MS = 1_500;  // a report that takes longer waits for something
const userId = `react-example-${Math.random().toString(36).slice(2)}`;
const TONES = { processing: 'active', completed: 'completed' };

// What a worker somewhere would report, played by this page. Where all cards run at once, six streams
// hold the six connections that a browser allows for each host, and a report waits until one ends.
async function screenFiles(onSlow) {
  for (let completed = 0; completed <= FILES; completed += 1) {
    const isOver = completed === FILES;
    const slow = setTimeout(onSlow, SLOW_MS, true);
    await request('POST', `/api/v1/sse/progress/${userId}`, {
      completed,
      total: FILES,
      status: isOver ? 'completed' : 'processing',
      message: isOver ? 'All files processed successfully!' : `Processing file ${completed + 1} of ${FILES}...`,
      ...isOver && { successful_files: FILES, failed_files: 0 },
    }).finally(() => clearTimeout(slow));
    onSlow(false);
    await new Promise((pass) => setTimeout(pass, FILE_MS));
  }
}

export function UserChannel() {
  const [progress, setProgress] = useState(null);
  const [isSlow, setSlow] = useState(false);
  useEffect(() => () => sseService.disconnect(), []);
  const start = useAction(async () => {
    sseService.disconnect();  // a run that failed left its callback
    sseService.onProgress((now) => {
      setProgress(now);
      if (now.status === 'completed') sseService.disconnect();
    });
    await sseService.connect(userId);
    await screenFiles(setSlow);
  });
  const forget = useAction(async () => {
    await sseService.cleanupProgress(userId);
    setProgress(await sseService.checkProgress(userId));
  });
  return (
    <Card
      title="Resume screening"
      about="sseService: a progress channel of one’s own, which workers post to."
      state={progress?.status}
      tone={TONES[progress?.status]}
      percent={progress && Math.round(100 * progress.completed / progress.total)}
      note={start.problem || forget.problem || (isSlow ? 'Waiting for a free connection' : progress?.message)}
    >
      <Button onClick={start.run} isOff={start.isBusy}>Start</Button>
      <Button onClick={forget.run} isOff={forget.isBusy || start.isBusy || progress === null}>Clean up</Button>
    </Card>
  );
}
