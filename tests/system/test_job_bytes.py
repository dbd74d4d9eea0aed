"""One bound over what all jobs and channels take, --max-job-bytes, and what goes on beyond it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable

import pytest
from harness import Response, Server, assert_problem, wait_until
from tokens import SECRET, bearer, token

Start = Callable[..., Server]
LARGE = "x" * 100_000
CHANNEL = "/api/v1/sse/progress/ann"


def assert_full(answer: Response) -> None:
    assert_problem(answer, 503)
    assert int(answer["Retry-After"] or "") > 0
    assert "--max-job-bytes" in answer.json()["detail"]


@pytest.fixture(params=["memory:", "sqlite:{folder}/journal"], ids=["memory", "sqlite"])
def bounded(server: Start, tmp_path: Path, request: Any) -> Server:
    return server("--max-job-bytes", "300KiB", "--journal", request.param.format(folder=tmp_path))


def fill(server: Server) -> list[dict[str, Any]]:
    """Jobs with results until there is no room."""
    jobs: list[dict[str, Any]] = []
    while server.stats()["jobBytes"] < 300 * 1024:
        jobs.append(server.external(result=LARGE))
    assert len(jobs) == 4, "each is counted"
    return jobs


def test_nothing_more_is_taken_and_jobs_still_end(bounded: Server) -> None:
    jobs = fill(bounded)
    for path, fields in (("/v1/jobs", {}), ("/create_job", None), ("/start-task", None), ("/api/v1/media/queue", {})):
        assert_full(bounded.request("POST", path, fields))
    assert_full(bounded.request("POST", CHANNEL, {"status": "processing"}))
    first, second = (f"/v1/jobs/{job['id']}" for job in jobs[:2])
    assert_full(bounded.request("PATCH", first, {"done": 3, "result": LARGE}))
    assert_full(bounded.request("PATCH", first, {"done": 3, "message": "page 3"}))
    assert_full(bounded.request("PATCH", first, {"state": "completed", "result": LARGE}))
    assert bounded.job(jobs[0])["done"] == 0, "what was refused changed nothing"
    assert bounded.patch(jobs[0], done=3)["done"] == 3
    ended = bounded.patch(jobs[0], state="failed", failedReason="no disk", message="page 3", result={"rows": 3})
    assert (ended["state"], ended["result"]) == ("failed", {"rows": 3})
    assert bounded.request("POST", f"{second}/cancel").status == 202
    assert bounded.request("GET", "/readyz").status == 200, "the server is well"
    for job in jobs:
        bounded.delete(job)
    bounded.external(result=LARGE)
    assert bounded.request("POST", CHANNEL, {"status": "processing"}).status == 202


def test_each_line_of_a_bulk_report_is_told(bounded: Server) -> None:
    job = fill(bounded)[0]["id"]
    lines = [
        {"job": job, "done": 1},
        {"job": job, "done": 2, "message": "two"},
        {"job": "nobody", "done": 1, "message": "m"},
        {"job": job, "done": 3, "state": "completed"},
    ]
    answer = bounded.report_lines("\n".join(json.dumps(line) for line in lines).encode()).json()
    assert answer["accepted"] == 2
    assert [(one["line"], one["status"]) for one in answer["rejected"]] == [(2, 503), (3, 404)]
    assert bounded.job(job)["state"] == "completed"


def test_channels_with_their_history_count(server: Start) -> None:
    running = server("--max-job-bytes", "250KiB", "--history-bytes", "150KiB")
    value = {"status": "a", "text": "x" * 50_000}
    for _ in range(8):  # the history of one channel is bounded: three of them
        assert running.request("POST", CHANNEL, value).status == 202
    assert 150_000 < running.stats()["jobBytes"] < 160_000
    statuses = [running.request("POST", CHANNEL.replace("ann", "bob"), value).status for _ in range(5)]
    assert statuses == [202, 202, 202, 503, 503] or statuses == [202, 202, 503, 503, 503]
    assert_full(running.request("POST", "/v1/jobs", {}))
    assert running.request("DELETE", CHANNEL).status == 200
    assert running.request("POST", CHANNEL.replace("ann", "bob"), value).status == 202


def test_jobs_of_our_own_go_on(server: Start) -> None:
    running = server("--max-job-bytes", "1KiB")
    own = running.create(total=20, stepMs=1, message="m" * 1_500, result={"rows": 7})
    assert_full(running.request("POST", "/v1/jobs", {}))
    assert running.wait_for_state(own, "completed")["result"] == {"rows": 7}


def test_a_retry_is_answered_and_a_restart_keeps_all(server: Start, tmp_path: Path) -> None:
    flags = ("--journal", f"sqlite:{tmp_path}/journal")
    first = server(*flags)
    keyed = {"headers": {"Idempotency-Key": "k"}}
    job = first.request("POST", "/v1/jobs", {"runner": "external", "result": LARGE}, **keyed).json()
    first.request("POST", CHANNEL, {"text": LARGE})
    before = first.stats()["jobBytes"]
    first.stop()
    again = server(*flags, "--max-job-bytes", "100KiB")
    assert again.job(job) == job
    # A ring that was as long as it had grown is now as long as it must be.
    assert abs(again.stats()["jobBytes"] - before) < 5_000
    repeated = again.request("POST", "/v1/jobs", {"runner": "external", "result": LARGE}, **keyed)
    assert repeated.status == 200 and repeated.json() == job
    assert_full(again.request("POST", "/v1/jobs", {}))


def test_it_holds_whoever_asks_and_0_is_no_bound(server: Start, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(SECRET)
    guard = server("--jwt-secret-file", str(tmp_path / "secret"), "--max-job-bytes", "1")
    ann, root = bearer(token("ann")), bearer(token("root", "jobs:admin"))
    assert guard.request("POST", "/v1/jobs", {}, headers=ann).status == 201
    for headers in (ann, root):
        assert_full(guard.request("POST", "/v1/jobs", {}, headers=headers))
    free = server("--max-job-bytes", "0")
    free.external(result=LARGE)
    free.external(result=LARGE)


def test_it_is_told_and_can_be_changed(server: Start, tmp_path: Path) -> None:
    config = tmp_path / "progressd.toml"
    config.write_text('max-job-bytes = "1KiB"\n')
    running = server("--config", str(config))
    running.external(message="m" * 2_000)
    assert_full(running.request("POST", "/v1/jobs", {}))
    stats = running.stats()
    assert stats["limits"]["maxJobBytes"] == 1_024 and stats["jobBytes"] > 2_000
    assert f"progressd_job_bytes {stats['jobBytes']}\n" in running.request("GET", "/metrics").body.decode()
    config.write_text('max-job-bytes = "1MiB"\n')
    running.process.send_signal(1)
    wait_until(lambda: running.stats()["limits"]["maxJobBytes"] == 1 << 20, "the new bound")
    running.external()
