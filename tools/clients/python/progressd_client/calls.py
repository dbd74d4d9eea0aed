"""Every request that is no stream, as a value: what to send, and how to read the answer.

No socket here: the two clients send the same calls, and share `Attempts`, which says when to send again.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import Any, Callable, Generic, Iterable, Iterator, Mapping, Optional, TypeVar
from urllib.parse import quote, urlencode

from .errors import Answer, ConnectionFailed, ProtocolError
from .models import Job, JobPage, JobSpec, Rejected, Report, ReportLine
from .reconnect import RETRYABLE_STATUSES, Backoff, ReconnectPolicy

T = TypeVar("T")

# Statuses by which the server itself says that it has changed nothing, so that sending again is safe.
REFUSED_STATUSES = frozenset({429, 503})

# A batch of reports stays well under --max-body-bytes (1 MiB).
BATCH_BYTES_MAX = 512 * 1024
# An answer lists so many rejected lines: each of a batch is told of.
BATCH_LINES_MAX = 1_000


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request, and how its answer is read.

    `is_repeatable`: sending it twice does what sending it once does, so that it is sent again when its
    answer was lost. `reaches`: the job and state that it leads to, if the second attempt finds the job
    already there, refused with 409, then the first one did it.
    """

    method: str
    path: str
    read: Callable[[bytes], T]
    body: Optional[bytes] = None
    headers: Mapping[str, str] = field(default_factory=dict)
    is_repeatable: bool = True
    reaches: Optional[tuple[str, str]] = None


def path_segment(name: str) -> str:
    """An id as one segment of a path. Libraries would resolve dots before they send them."""
    if name in ("", ".", ".."):
        raise ValueError(f"{name!r} cannot be an id")
    return quote(name, safe="")


def encode_json(value: Any) -> bytes:
    """Raises ValueError for what JSON has no word for: NaN and the infinities."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()


def _read_json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise ProtocolError(f"an answer that is not JSON: {body[:200]!r}") from error


def _read_object(body: bytes) -> Any:
    value = _read_json(body)
    if not isinstance(value, dict):
        raise ProtocolError(f"an answer that is not a JSON object: {body[:200]!r}")
    return value


def _read_nothing(body: bytes) -> None:
    """For answers whose status says it all."""


def _with_json(value: Any) -> dict[str, Any]:
    return {"body": encode_json(value), "headers": {"Content-Type": "application/json"}}


# ---- jobs


def create_job(spec: Optional[JobSpec], idempotency_key: Optional[str]) -> Call[Job]:
    """With a key of its own where none is given, so that a repeated request makes one job only."""
    sent = _with_json(spec or {})
    sent["headers"]["Idempotency-Key"] = idempotency_key or uuid.uuid4().hex
    return Call("POST", "/v1/jobs", _read_object, **sent)


def get_job(job_id: str) -> Call[Job]:
    return Call("GET", f"/v1/jobs/{path_segment(job_id)}", _read_object)


def list_jobs(filters: Mapping[str, Optional[str]], page_size: int, cursor: Optional[str]) -> Call[JobPage]:
    query = {**filters, "limit": str(page_size), "cursor": cursor}
    given = {name: value for name, value in query.items() if value is not None}
    return Call("GET", f"/v1/jobs?{urlencode(given)}", _read_object)


def cancel_job(job_id: str) -> Call[Job]:
    path = f"/v1/jobs/{path_segment(job_id)}/cancel"
    return Call("POST", path, _read_object, reaches=(job_id, "cancelled"))


def delete_job(job_id: str) -> Call[None]:
    return Call("DELETE", f"/v1/jobs/{path_segment(job_id)}", _read_nothing)


def report(job_id: str, fields: Report) -> Call[Job]:
    state = fields.get("state")
    reaches = (job_id, state) if state else None
    return Call("PATCH", f"/v1/jobs/{path_segment(job_id)}", _read_object, **_with_json(fields), reaches=reaches)


def report_batches(
    reports: Iterable[ReportLine], bytes_max: int = BATCH_BYTES_MAX, lines_max: int = BATCH_LINES_MAX
) -> Iterator[Call[list[Rejected]]]:
    """The reports as few requests; a line that is too long for any batch goes alone, for the server to judge."""
    lines: list[bytes] = []
    batch: list[ReportLine] = []
    first, size = 1, 0
    for one in reports:
        line = encode_json(one) + b"\n"
        if batch and (size + len(line) > bytes_max or len(batch) == lines_max):
            yield _report_batch(first, batch, lines)
            first += len(batch)
            lines, batch, size = [], [], 0
        lines.append(line)
        batch.append(one)
        size += len(line)
    if batch:
        yield _report_batch(first, batch, lines)


def _report_batch(first: int, batch: list[ReportLine], lines: list[bytes]) -> Call[list[Rejected]]:
    def read(body: bytes) -> list[Rejected]:
        rejected = _read_object(body)["rejected"]
        return [
            Rejected(first - 1 + one["line"], one["status"], one["detail"], batch[one["line"] - 1]) for one in rejected
        ]

    # Not repeatable: of a batch that arrives twice, the second reading rejects what the first has done.
    headers = {"Content-Type": "application/x-ndjson"}
    return Call("POST", "/v1/reports", read, b"".join(lines), headers, is_repeatable=False)


# ---- progress channels


def _channel(what: str, user_id: str) -> str:
    return f"/api/v1/sse/progress/{what}{path_segment(user_id)}"


def update_progress(user_id: str, progress: Mapping[str, Any]) -> Call[None]:
    return Call("POST", _channel("", user_id), _read_nothing, **_with_json(progress))


def get_progress(user_id: str) -> Call[Optional[dict[str, Any]]]:
    return Call("GET", _channel("status/", user_id), _read_json)


def delete_progress(user_id: str) -> Call[None]:
    return Call("DELETE", _channel("", user_id), _read_nothing)


def channel_stream_path(user_id: str) -> str:
    return _channel("stream/", user_id)


# ---- sending them


class Attempts(Generic[T]):
    """One call on its way: what to do after each attempt at it."""

    def __init__(self, call: Call[T], policy: ReconnectPolicy) -> None:
        self._call = call
        self._backoff = Backoff(policy)
        self._may_have_been_done = False  # an attempt was lost that the server may have seen

    def lost(self, cause: Exception) -> float:
        """No answer came. The seconds to wait before the next attempt; raises when there is to be none."""
        self._may_have_been_done = True
        wait_s = self._backoff.failed() if self._call.is_repeatable else None
        if wait_s is None:
            raise ConnectionFailed(f"{self._call.method} {self._call.path}: {cause}") from cause
        return wait_s

    def refused(self, answer: Answer) -> Optional[float]:
        """The seconds to wait before the next attempt; None: this answer is the last."""
        if answer.status not in REFUSED_STATUSES:
            if answer.status not in RETRYABLE_STATUSES or not self._call.is_repeatable:
                return None
            self._may_have_been_done = True  # a proxy's word: nobody knows how far the request came
        return self._backoff.failed(answer.error().retry_after_s or 0.0)

    def job_in_question(self, answer: Answer) -> Optional[str]:
        """The job that may be in conflict only because an earlier attempt did what was wanted."""
        if self._may_have_been_done and answer.status == 409 and self._call.reaches:
            return self._call.reaches[0]
        return None

    def is_done_by(self, job: Job) -> bool:
        return self._call.reaches is not None and job["state"] == self._call.reaches[1]

    def result(self, answer: Answer) -> T:
        """What the last answer says. Raises ApiError where it is a refusal."""
        is_gone = self._may_have_been_done and self._call.method == "DELETE" and answer.status == 404
        if 200 <= answer.status < 300 or is_gone:
            return self._call.read(answer.body)
        raise answer.error()
