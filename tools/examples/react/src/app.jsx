import { useCallback, useState } from 'react';
import { Announce } from './card.jsx';
import { JobStatus } from './cards/job_status.jsx';
import { LoopingTask } from './cards/looping_task.jsx';
import { OneJob } from './cards/one_job.jsx';
import { QueuedJob } from './cards/queued_job.jsx';
import { StartedTask } from './cards/started_task.jsx';
import { UserChannel } from './cards/user_channel.jsx';

export function App() {
  const [said, setSaid] = useState('');
  const announce = useCallback((text) => setSaid(text), []);
  return (
    <Announce value={announce}>
      <header>
        <h1>Progress, as it happens</h1>
        <p>
          A job of progressd&rsquo;s own, and the demos of the five systems that it stands in for. All of
          it goes through <code>progressd-client</code>.
        </p>
      </header>
      <main>
        <OneJob />
        <JobStatus />
        <UserChannel />
        <QueuedJob />
        <LoopingTask />
        <StartedTask />
      </main>
      <p role="status" className="unseen">{said}</p>
    </Announce>
  );
}
