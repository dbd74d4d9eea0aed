"""What the server tells and is told, under the names that it has on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Mapping, Optional, TypedDict

TERMINAL_STATES = frozenset({"completed", "failed", "cancelled"})


class Job(TypedDict):
    """A whole job. What is not known yet is None."""

    id: str
    kind: Optional[str]
    runner: str  # timer, cpu or external
    owner: str
    state: str  # pending, active, completed, failed or cancelled
    done: int
    total: int
    percent: float
    message: Optional[str]
    result: Any
    failedReason: Optional[str]
    createdAt: str  # RFC 3339, as all times
    startedAt: Optional[str]
    finishedAt: Optional[str]
    attempt: int
    traceparent: Optional[str]  # W3C Trace Context, of the request that created it
    ratePerSecond: Optional[float]
    etaSeconds: Optional[int]
    eventId: str  # of its latest event: what a stream can resume from


class JobSpec(TypedDict, total=False):
    """What a job is created with; everything may be left out."""

    id: str
    kind: str
    runner: str
    owner: str
    total: int
    stepMs: int
    stepWork: int
    failAt: int
    failedReason: str
    message: str
    result: Any
    repeat: int
    stallAfterMs: int


class Report(TypedDict, total=False):
    """What a worker says about its job; what is left out stays as it is."""

    state: str  # active, completed or failed
    done: int
    total: int
    message: str
    result: Any
    failedReason: str


class _Named(TypedDict):
    job: str


class ReportLine(Report, _Named, total=False):
    """A report among many: with the id of its job."""


class JobPage(TypedDict):
    jobs: List[Job]
    next: Optional[str]


@dataclass(frozen=True)
class Rejected:
    """A line that was refused. `line` counts the reports as they were given, from 1."""

    line: int
    status: int
    detail: str
    report: ReportLine


@dataclass(frozen=True)
class JobEvent:
    """One event of a stream of jobs.

    `type` is snapshot, progress, completed, failed, cancelled, removed (the job is gone) or gap (events
    may be missing here; snapshots follow). `id` resumes after it. `data` is the JSON: the whole job, of
    which `progress` carries only what moves. A gap has no job: its properties are None.
    """

    type: str
    id: str
    data: Mapping[str, Any]

    @property
    def job_id(self) -> Optional[str]:
        return self.data.get("id")

    @property
    def state(self) -> Optional[str]:
        return self.data.get("state")

    @property
    def done(self) -> Optional[int]:
        return self.data.get("done")

    @property
    def total(self) -> Optional[int]:
        return self.data.get("total")

    @property
    def percent(self) -> Optional[float]:
        return self.data.get("percent")

    @property
    def message(self) -> Optional[str]:
        return self.data.get("message")

    @property
    def is_over(self) -> bool:
        """Whether nothing will change this job any more."""
        return self.state in TERMINAL_STATES
