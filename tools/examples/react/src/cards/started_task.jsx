import { useState } from 'react';
import { request } from 'progressd-client';
import { Button, Card, useAction } from '../card.jsx';
import { useStream } from '../use_stream.js';

const TONES = { started: 'pending', processing: 'active', completed: 'completed', failed: 'failed' };
const isOver = (task) => task.status === 'completed' || task.status === 'failed';

export function StartedTask() {
  const [id, setId] = useState(null);
  const [task, setTask] = useState(null);
  const start = useAction(async () => {
    setTask(null);
    setId((await request('POST', '/start-task')).task_id);
  });
  useStream(id && `/task-progress/${encodeURIComponent(id)}`, {
    onMessage: (now, close) => {
      setTask(now);
      if (isOver(now)) close();
    },
    onError: ({ message }) => setTask({ status: 'failed', progress: task?.progress ?? 0, message }),
  });
  return (
    <Card
      title="A started task"
      about="Started by this page, followed to its end, and then forgotten by the server."
      state={task?.status}
      tone={TONES[task?.status]}
      percent={task && task.progress}
      note={start.problem || task?.message}
    >
      <Button onClick={start.run} isOff={start.isBusy || (id !== null && !(task && isOver(task)))}>Start</Button>
    </Card>
  );
}
