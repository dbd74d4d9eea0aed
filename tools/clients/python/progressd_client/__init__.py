"""Follow jobs of a progressd server, and report on them.

`Client` is synchronous and needs requests; `AsyncClient` is for asyncio and needs aiohttp. Each is
imported when it is first asked for, so that only its own library has to be there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import (
    ApiError,
    BadRequestError,
    ConflictError,
    ConnectionFailed,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    ProgressdError,
    ProtocolError,
    TooManyRequestsError,
    UnauthorizedError,
    UnavailableError,
    WaitTimeout,
)
from .models import TERMINAL_STATES, Job, JobEvent, JobSpec, Rejected, Report, ReportLine
from .reconnect import ReconnectPolicy
from .settings import Settings
from .sse import SseEvent, SseParser

if TYPE_CHECKING:
    from .async_client import AsyncClient
    from .async_stream import AsyncEventStream
    from .sync_client import Client
    from .sync_stream import EventStream

__all__ = [
    "ApiError",
    "AsyncClient",
    "AsyncEventStream",
    "BadRequestError",
    "Client",
    "ConflictError",
    "ConnectionFailed",
    "EventStream",
    "ForbiddenError",
    "InvalidError",
    "Job",
    "JobEvent",
    "JobSpec",
    "NotFoundError",
    "ProgressdError",
    "ProtocolError",
    "ReconnectPolicy",
    "Rejected",
    "Report",
    "ReportLine",
    "Settings",
    "SseEvent",
    "SseParser",
    "TERMINAL_STATES",
    "TooManyRequestsError",
    "UnauthorizedError",
    "UnavailableError",
    "WaitTimeout",
]

_HOMES = {
    "AsyncClient": "async_client",
    "AsyncEventStream": "async_stream",
    "Client": "sync_client",
    "EventStream": "sync_stream",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
