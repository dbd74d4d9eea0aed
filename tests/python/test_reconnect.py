"""When to try again."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from progressd_client import ReconnectPolicy
from progressd_client.reconnect import Backoff, retry_after_s


def longest(policy: ReconnectPolicy) -> Backoff:
    """A back-off whose every throw of the dice is the highest."""
    return Backoff(policy, uniform=lambda low, high: high)


def test_the_random_part_doubles_up_to_its_cap() -> None:
    backoff = longest(ReconnectPolicy(base_s=1.0, cap_s=10.0))
    assert [backoff.failed() for _ in range(6)] == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    for _ in range(5_000):
        assert backoff.failed() == 10.0, "never too large for a float"


def test_the_jitter_is_full() -> None:
    asked = []
    backoff = Backoff(ReconnectPolicy(base_s=1.0), uniform=lambda low, high: asked.append((low, high)) or 0.0)
    backoff.failed()
    backoff.failed()
    assert asked == [(0.0, 1.0), (0.0, 2.0)]


def test_two_clients_do_not_come_back_together() -> None:
    policy = ReconnectPolicy(base_s=1.0)
    assert len({Backoff(policy).failed() for _ in range(100)}) == 100


def test_what_the_server_asks_for_is_waited_for_first() -> None:
    backoff = longest(ReconnectPolicy(base_s=1.0, asked_s_max=60.0))
    assert backoff.failed(5.0) == 5.0 + 1.0
    assert backoff.failed(3600.0) == 60.0 + 2.0, "but not for ever"
    assert backoff.failed(float("inf")) == 60.0 + 4.0


def test_a_success_begins_anew() -> None:
    backoff = longest(ReconnectPolicy(base_s=1.0, failures_max=2))
    assert [backoff.failed(), backoff.failed()] == [1.0, 2.0]
    backoff.succeeded()
    assert [backoff.failed(), backoff.failed(), backoff.failed()] == [1.0, 2.0, None]


def test_it_gives_up_after_failures_in_a_row() -> None:
    assert Backoff(ReconnectPolicy(failures_max=0)).failed() is None
    assert Backoff(ReconnectPolicy(failures_max=None)).failed() is not None


NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "field, seconds",
    [
        (None, None),
        ("0", 0.0),
        (" 120 ", 120.0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0.0),
        ("Sat, 21 Nov 2026 12:00:30 -0000", 30.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("\u0661", None),
        ("Sat, 99 Nov 2026 12:00:00 GMT", None),
    ],
)
def test_retry_after(field: str | None, seconds: float | None) -> None:
    assert retry_after_s(field, NOW) == seconds
