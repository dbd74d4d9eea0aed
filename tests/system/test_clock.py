"""The wall clock is set forward or back: no id, timer, token, ticket or stream minds, before a restart and over one."""

from __future__ import annotations

import os
import struct
import subprocess
import time
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from harness import HERE, Server, patience, wait_until
from tokens import SECRET, bearer, token

Start = Callable[..., Server]

DAY = 86_400
BOTH_WAYS = pytest.mark.parametrize("step", [DAY, -DAY], ids=["forward", "back"])
TEN_DAYS = 10 * DAY


class Clock:
    """The wall clock of servers with this environment."""

    def __init__(self, folder: Path) -> None:
        self._offset = folder / "offset"
        self.step_to(0)
        shim = folder / "stepped_clock.so"
        subprocess.run(
            ["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", str(shim), str(HERE / "stepped_clock.c")],
            check=True, timeout=patience(),
        )  # fmt: skip
        self.environment = {"LD_PRELOAD": str(shim), "STEPPED_CLOCK": str(self._offset)}
        for sanitizer in ("ASAN_OPTIONS", "TSAN_OPTIONS"):
            given = os.environ.get(sanitizer)
            self.environment[sanitizer] = ":".join(filter(None, [given, "verify_asan_link_order=0"]))

    def step_to(self, seconds: int) -> None:
        """From the machine's own time."""
        self._seconds = seconds
        with self._offset.open("r+b" if self._offset.exists() else "wb") as file:
            file.write(struct.pack("=q", seconds * 10**9))

    def is_shown(self, shown: datetime) -> bool:
        """Whether that is about now, by this clock."""
        return abs(shown.timestamp() - time.time() - self._seconds) < 2 * patience()


@pytest.fixture
def clock(tmp_path: Path) -> Iterator[Clock]:
    folder = tmp_path / "clock"
    folder.mkdir()
    yield Clock(folder)


def at(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)


def create_once(server: Server) -> Any:
    return server.request("POST", "/v1/jobs", {"id": "once", "runner": "external"}, headers={"Idempotency-Key": "k"})


def goes_on(stream: Any, steps: int) -> None:
    """Each step of the job comes, once."""
    done = [stream.next().json["done"] for _ in range(steps)]
    assert done == list(range(done[0], done[0] + steps))


@BOTH_WAYS
def test_jobs_and_streams_go_on(server: Start, tmp_path: Path, clock: Clock, step: int) -> None:
    flags = ("--journal", f"sqlite:{tmp_path / 'journal'}", "--keepalive", "100ms", "--retain-finished", "1h")
    running = server(*flags, environment=clock.environment)
    own = running.create(total=1_000_000, stepMs=20)
    watching = running.follow(own)
    assert watching.next().type == "snapshot"
    goes_on(watching, 20)
    reported = running.external(stallAfterMs=3_600_000)
    running.patch(reported, done=1)
    quiet = running.follow(reported)
    assert quiet.next().type == "snapshot"
    finished = running.external()
    running.patch(finished, state="completed")
    assert create_once(running).status == 201
    assert running.request("POST", "/api/v1/sse/progress/ann", {"n": 1}).status == 202

    clock.step_to(step)
    response = running.request("GET", "/healthz")
    assert clock.is_shown(parsedate_to_datetime(response["Date"] or ""))
    goes_on(watching, 50)
    now = running.job(own)
    assert 5 < now["ratePerSecond"] < 100, "of 50 a second, whatever else the machine does"
    assert now["etaSeconds"] > 5_000
    quiet.comments_until(len(quiet.parser.comments) + 5)

    def nothing_is_lost(asked: Server) -> None:
        assert asked.job(reported)["state"] == "active"
        assert asked.job(finished)["state"] == "completed"
        assert create_once(asked).status == 200
        assert asked.request("GET", "/api/v1/sse/progress/status/ann").json() == {"n": 1}

    nothing_is_lost(running)
    running.patch(reported, done=2)
    assert quiet.next().json["done"] == 2
    later = running.external(stallAfterMs=50)
    assert clock.is_shown(at(later["createdAt"]))
    assert running.wait_for_state(later, "failed")["failedReason"] == "stalled"

    # What stands on the disk is not touched by where the clock goes while there is no server.
    running.process.kill()
    running.process.wait()
    running.stopped = True
    clock.step_to(-2 * DAY)
    again = server(*flags, environment=clock.environment)
    nothing_is_lost(again)
    assert again.job(own)["attempt"] == 2
    resumed = again.follow(own, last_event_id=watching.last_event_id)
    done = [event.json["done"] for event in resumed.take(20)]
    assert all(after - before in (0, 1) for before, after in zip([watching.seen[-1].json["done"], *done], done))
    assert "gap" not in [event.type for event in resumed.seen]
    stalls = again.external(stallAfterMs=50)
    assert again.wait_for_state(stalls, "failed")["failedReason"] == "stalled"


@BOTH_WAYS
def test_what_is_kept_for_a_time_is_kept_for_that_time(server: Start, tmp_path: Path, clock: Clock, step: int) -> None:
    flags = ("--journal", f"sqlite:{tmp_path / 'journal'}", "--retain-finished", "300ms", "--retain-channels", "300ms")
    running = server(*flags, environment=clock.environment)
    job = running.external()
    running.patch(job, state="completed")
    assert running.request("POST", "/api/v1/sse/progress/ann", {"n": 1}).status == 202
    clock.step_to(step)
    wait_until(lambda: running.request("GET", f"/v1/jobs/{job['id']}").status == 404, "the job to be forgotten")
    latest = "/api/v1/sse/progress/status/ann"
    wait_until(lambda: running.request("GET", latest).json() is None, "the channel to be forgotten")


def test_long_ago_is_told_over_a_restart_too(server: Start, tmp_path: Path, clock: Clock) -> None:
    flags = ("--journal", f"sqlite:{tmp_path / 'journal'}")
    first = server(*flags, environment=clock.environment)
    reported, finished = first.external(stallAfterMs=3_600_000), first.external()
    first.patch(finished, state="completed")
    first.stop()
    clock.step_to(DAY)  # there was no server for a day, as far as it can know
    second = server(*flags, environment=clock.environment)
    wait_until(lambda: second.request("GET", f"/v1/jobs/{finished['id']}").status == 404, "the job to be forgotten")
    assert second.job(reported)["state"] == "pending", "its worker has its whole time"


def test_what_was_set_back_over_a_restart_keeps_nothing_for_longer(
    server: Start, tmp_path: Path, clock: Clock
) -> None:
    flags = ("--journal", f"sqlite:{tmp_path / 'journal'}", "--retain-finished")
    first = server(*flags, "1h", environment=clock.environment)
    silent, finished = first.external(stallAfterMs=1_000), first.external()
    first.patch(finished, state="completed")
    first.stop()
    clock.step_to(-2 * DAY)
    second = server(*flags, "500ms", environment=clock.environment)
    wait_until(lambda: second.request("GET", f"/v1/jobs/{finished['id']}").status == 404, "the job to be forgotten")
    # Once it has stalled it may soon be forgotten.
    wait_until(lambda: second.request("GET", f"/v1/jobs/{silent['id']}").status == 404, "the job to stall")


@BOTH_WAYS
def test_tokens_and_tickets(server: Start, tmp_path: Path, clock: Clock, step: int) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    running = server("--jwt-secret-file", str(secret), "--keepalive", "100ms", environment=clock.environment)
    ann = bearer(token("ann", lives=TEN_DAYS))
    job = running.request("POST", "/v1/jobs", {"total": 1_000_000, "stepMs": 20}, headers=ann).json()

    def ticket() -> dict[str, Any]:
        response = running.request("POST", "/v1/tickets", {"ttlSeconds": 60}, headers=ann)
        assert response.status == 201
        return response.json()

    def follow_by(passed: dict[str, Any], **options: Any) -> Any:
        return running.stream(f"/v1/jobs/{job['id']}/events?ticket={passed['ticket']}", **options)

    hour = bearer(token("ann", lives=3_600))
    by_token = running.stream(f"/v1/jobs/{job['id']}/events", headers=hour)
    used, unused = ticket(), ticket()
    by_ticket = follow_by(used)
    for stream in (by_token, by_ticket):
        assert stream.next().type == "snapshot"

    clock.step_to(step)
    for stream in (by_token, by_ticket):
        goes_on(stream, 20)
    assert running.request("GET", f"/v1/jobs/{job['id']}", headers=ann).status == 200
    assert running.request("GET", f"/v1/jobs/{job['id']}", headers=hour).status == (401 if step > 0 else 200)
    assert follow_by(used).status == 401
    assert follow_by(unused).status == 401, "it is good for a minute, and for no day longer"
    new = ticket()
    assert clock.is_shown(at(new["expiresAt"]) - timedelta(seconds=60))
    fresh = follow_by(new)
    assert fresh.status == 200
    goes_on(fresh, 5)
    assert follow_by(new).status == 401
    again = follow_by(new, last_event_id=fresh.last_event_id)
    assert again.status == 200
    goes_on(again, 5)
