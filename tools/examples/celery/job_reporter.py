"""Reports on one task as a progressd job. Its rule: the work matters more than its bar.

So a report that fails is logged and never raised, a loop that reports too often is slowed by nothing, and
a server that is away is asked only now and then.
"""

from __future__ import annotations

import logging
import time
from types import TracebackType
from typing import Any, Callable, Optional

from progressd_client import Client, Job, JobSpec, ProgressdError, ReconnectPolicy, Report, Settings

log = logging.getLogger(__name__)

# No task waits long for a server that is away.
WORKER_SETTINGS = Settings(
    call_policy=ReconnectPolicy(base_s=0.2, cap_s=1.0, asked_s_max=1.0, failures_max=2),
    connect_timeout_s=2.0,
    answer_timeout_s=5.0,
)

REPORT_INTERVAL_S = 0.2  # more often than that nobody can see
PAUSE_AFTER_FAILURE_S = 5.0
FAILED_REASON_BYTES_MAX = 4096  # the server's bound
STALL_AFTER_MS = 600_000  # a worker that died says nothing for so long: the job fails, as stalled


def announce(client: Client, task_id: str, *, total: int, kind: str) -> Job:
    """The job of a task, created by whoever comes first: the one who sends the task, or its worker."""
    spec: JobSpec = {
        "id": task_id,
        "runner": "external",
        "kind": kind,
        "total": total,
        "stallAfterMs": STALL_AFTER_MS,
    }
    return client.create_job(spec, idempotency_key=task_id)


class JobReporter:
    """The job of one task while it is worked on: completed when the `with` ends, failed when it raises.

    A task that comes again (redelivered, or retried) goes on with the same job, which never goes back.
    """

    def __init__(
        self,
        client: Client,
        task_id: str,
        *,
        total: int,
        kind: str,
        not_the_end: tuple[type[Exception], ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`not_the_end`: exceptions that leave the job open, such as Celery's Retry."""
        self._client = client
        self._task_id = task_id
        self._total = total
        self._kind = kind
        self._not_the_end = not_the_end
        self._clock = clock
        self._done = 0
        self._report_at = 0.0  # by the clock; before it, progress is not worth a request
        self.result: Any = None  # what the completed job is to say

    def __enter__(self) -> JobReporter:
        job = self._try(lambda: announce(self._client, self._task_id, total=self._total, kind=self._kind))
        if job is not None:
            self._done = job["done"]
        return self

    def report(self, done: int, message: Optional[str] = None) -> None:
        """Says how far the work is. Cheap enough to be called for every row."""
        if done <= self._done or self._clock() < self._report_at:
            return
        self._done = done
        report: Report = {"done": done}
        if message is not None:
            report["message"] = message
        self._report_at = self._clock() + REPORT_INTERVAL_S
        self._send(report)

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], _: Optional[TracebackType]
    ) -> None:
        if error is None:
            self._send({"state": "completed"} if self.result is None else {"state": "completed", "result": self.result})
        elif isinstance(error, Exception) and not isinstance(error, self._not_the_end):
            reason = f"{type(error).__name__}: {error}".encode()[:FAILED_REASON_BYTES_MAX].decode(errors="ignore")
            self._send({"state": "failed", "failedReason": reason})
        # else the task comes again: after a retry, or a worker that was told to stop

    def _send(self, report: Report) -> None:
        self._try(lambda: self._client.report(self._task_id, report))

    def _try(self, call: Callable[[], Job]) -> Optional[Job]:
        try:
            return call()
        except (ProgressdError, TypeError, ValueError) as error:
            self._report_at = self._clock() + PAUSE_AFTER_FAILURE_S
            log.warning("job %s: not reported: %s", self._task_id, error)
            return None
