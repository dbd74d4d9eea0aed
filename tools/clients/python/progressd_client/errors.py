"""What can go wrong, as types: the server's problems (RFC 9457), and those of the way to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Mapping, Optional

from .reconnect import retry_after_s


class ProgressdError(Exception):
    """The base of all that this package raises by itself."""


class ConnectionFailed(ProgressdError):
    """No answer came, after all attempts that the policy allows. `__cause__` says what the last one died of."""


class ProtocolError(ProgressdError):
    """What came is not what a progressd says: another server, or something in between that rewrites answers."""


class WaitTimeout(ProgressdError, TimeoutError):
    """The job was not over in the time that the caller gave it."""


class ApiError(ProgressdError):
    """The server refused, and changed nothing. Its subclasses are the statuses that callers tell apart."""

    def __init__(self, status: int, problem: Mapping[str, Any], retry_after_s: Optional[float] = None) -> None:
        """`problem`: the members of the problem+json; empty where something else than progressd answered."""
        self.status = status
        self.problem = problem
        self.type = str(problem.get("type", "about:blank"))
        self.title = str(problem.get("title", ""))
        self.detail = str(problem.get("detail", ""))
        self.retry_after_s = retry_after_s
        super().__init__(f"{status} {self.title}: {self.detail}" if problem else str(status))

    def __reduce__(self) -> tuple[Any, ...]:
        # Task queues carry exceptions from process to process.
        return type(self), (self.status, self.problem, self.retry_after_s)


class BadRequestError(ApiError):
    """400: malformed."""


class UnauthorizedError(ApiError):
    """401: no token, or one that is not accepted (any more)."""


class ForbiddenError(ApiError):
    """403: somebody else's."""


class NotFoundError(ApiError):
    """404: no such job. It never was, or was deleted, forgotten, or lost with a journal that does not last."""


class ConflictError(ApiError):
    """409: the id is taken, or the job is in a state that does not allow this."""


class InvalidError(ApiError):
    """422: well-formed but invalid; `detail` names the field."""


class TooManyRequestsError(ApiError):
    """429: over a limit; `retry_after_s` says when to come back."""


class UnavailableError(ApiError):
    """503: draining, overloaded, or without its journal; `retry_after_s` says when to come back."""


_BY_STATUS: Mapping[int, type[ApiError]] = {
    400: BadRequestError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    422: InvalidError,
    429: TooManyRequestsError,
    503: UnavailableError,
}


@dataclass(frozen=True)
class Answer:
    """A response whose body has been read, whichever library did it. `headers` ignores case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def error(self) -> ApiError:
        """What this answer is an error of; for a status that is no success."""
        problem: Any = None
        if self.headers.get("Content-Type", "").partition(";")[0].strip().lower() == "application/problem+json":
            try:
                problem = json.loads(self.body)
            except ValueError:  # cut short, or rewritten on its way: the status still says enough
                pass
        kind = _BY_STATUS.get(self.status, ApiError)
        wait_s = retry_after_s(self.headers.get("Retry-After"))
        return kind(self.status, problem if isinstance(problem, dict) else {}, wait_s)
