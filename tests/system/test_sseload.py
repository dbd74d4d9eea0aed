"""sseload: the load generator, on the real server."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from harness import BINARY, patience

SSELOAD = BINARY.parent / "sseload"


def load(running: Any, path: str, *flags: str) -> tuple[int, dict[str, Any]]:
    ran = subprocess.run(
        [str(SSELOAD), running.url + path, "--quiet", "--json", "-", *flags],
        capture_output=True,
        text=True,
        timeout=patience(),
    )
    assert ran.stdout, ran.stderr
    return ran.returncode, json.loads(ran.stdout)


def reports() -> list[str]:
    """400 reports on 20 jobs, 10 a request."""
    return [
        *("--publish-url", "/v1/reports", "--publish-content-type", "application/x-ndjson"),
        *("--publish-body", '{"job":"job-{i}","done":{iseq}}', "--publish-lines", "10"),
        *("--publish-targets", "20", "--publish-count", "400", "--publish-accepted-field", "accepted"),
        *("--unchecked-event", "snapshot"),
    ]


def test_every_event_is_counted_and_checked(server: Any) -> None:
    running = server()
    for i in range(20):
        running.external(id=f"job-{i}", total=1_000)
    every = ["-c", "20", "--publish-window", "20", "--seq-field", "done", "--expect-step", "1"]
    status, result = load(running, "/v1/jobs/job-{i}/events", *every, *reports())
    assert status == 0, result
    assert result["streams"]["opened"] == 20
    assert result["publish"]["accepted"] == 400 and result["publish"]["refused"] == 0
    assert result["events"]["byName"] == {"snapshot": 20, "progress": 400}
    assert result["checks"]["ok"] and result["checks"]["missing"] == 0


def test_what_was_refused_or_did_not_come_fails_the_run(server: Any) -> None:
    running = server()
    for i in range(10):  # of 20
        running.external(id=f"job-{i}", total=1_000)
    status, result = load(running, "/v1/events", "-c", "0", *reports())
    assert status == 1
    assert result["publish"]["accepted"] == 200 and result["publish"]["refused"] == 200
    status, result = load(
        running, "/v1/jobs/job-0/events", "--unchecked-event", "snapshot", "--expect-events", "1", "--hold", "100ms"
    )
    assert status == 1 and result["checks"]["shortStreams"] == 1, "nobody reports"


def test_a_window_without_streams_is_refused(server: Any) -> None:
    command = [str(SSELOAD), server().url, "-c", "0", "--publish-url", "/v1/jobs", "--publish-window", "1"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=patience())
    assert ran.returncode == 2 and "--publish-window: needs streams" in ran.stderr
