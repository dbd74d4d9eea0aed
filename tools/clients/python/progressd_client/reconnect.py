"""When to try again: exponential back-off with full jitter, on top of what the server asks for."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Callable, Optional

# Statuses that may be another one next time. All others would be the same again.
RETRYABLE_STATUSES = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class ReconnectPolicy:
    """How long to wait before attempt n + 1: what the server asked for, and a random part on top.

    The random part is anything from 0 to `base_s` * 2^(n-1), never over `cap_s`: of a thousand clients
    that lose their server together, no two come back together. What the server asks for (`retry:`,
    Retry-After) is waited for up to `asked_s_max`. After `failures_max` failures in a row the client
    gives up; None: never.
    """

    base_s: float = 0.5
    cap_s: float = 30.0
    asked_s_max: float = 60.0
    failures_max: Optional[int] = None


class Backoff:
    """The failures in a row of one thing that is tried, and the waits between."""

    def __init__(self, policy: ReconnectPolicy, uniform: Callable[[float, float], float] = random.uniform) -> None:
        self._policy = policy
        self._uniform = uniform
        self._failures = 0

    def failed(self, asked_s: float = 0.0) -> Optional[float]:
        """Counts a failure. How many seconds to wait before the next attempt; None: give up."""
        policy = self._policy
        self._failures += 1
        if policy.failures_max is not None and self._failures > policy.failures_max:
            return None
        doublings = min(self._failures - 1, 60)  # 2^60 seconds are over any cap, and still a float
        ceiling_s = min(policy.cap_s, policy.base_s * 2.0**doublings)
        return min(asked_s, policy.asked_s_max) + self._uniform(0.0, ceiling_s)

    def succeeded(self) -> None:
        self._failures = 0


def retry_after_s(field: Optional[str], now: Optional[datetime] = None) -> Optional[float]:
    """The seconds that a Retry-After asks for, as a number or as a date; None where it says neither."""
    if field is None:
        return None
    text = field.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=timezone.utc)
    return max(0.0, (at - (now or datetime.now(timezone.utc))).total_seconds())
