"""The Celery example: what a task reports, and that nothing about reporting harms the work."""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any, Iterator

import pytest
import fake_celery
from both_clients import at_once
from job_reporter import PAUSE_AFTER_FAILURE_S, REPORT_INTERVAL_S, STALL_AFTER_MS, JobReporter, announce
from progressd_client import Client
from scripted_server import Reply, Request, ScriptedServer, json_answer, problem


class Clock:
    """A clock that a test moves; each look at it takes a hundredth of an interval."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        self.now_s += REPORT_INTERVAL_S / 100
        return self.now_s


def job_answer(_: Request, done: int = 0) -> Reply:
    return json_answer(200, json.dumps({"id": "t", "state": "active", "done": done}).encode())


def reports(server: ScriptedServer) -> list[Any]:
    return [json.loads(request.body) for request in server.requests if request.method == "PATCH"]


@pytest.fixture
def client() -> Iterator[Any]:
    clients = []

    def connect(server: ScriptedServer) -> Client:
        clients.append(Client(server.url, settings=at_once()))
        return clients[-1]

    yield connect
    for one in clients:
        one.close()


def test_a_task_is_announced_reported_and_completed(serve: Any, client: Any) -> None:
    server, clock = serve(job_answer), Clock()
    with JobReporter(client(server), "t", total=3, kind="import", clock=clock) as job:
        for done in (1, 2, 3):
            job.report(done, f"row {done}")
            clock.now_s += REPORT_INTERVAL_S
        job.result = {"rows": 3}
    creation = server.requests[0]
    assert (creation.method, creation.target, creation.headers["Idempotency-Key"]) == ("POST", "/v1/jobs", "t")
    assert json.loads(creation.body) == {
        "id": "t", "runner": "external", "kind": "import", "total": 3, "stallAfterMs": STALL_AFTER_MS,
    }  # fmt: skip
    assert reports(server) == [
        {"done": 1, "message": "row 1"}, {"done": 2, "message": "row 2"}, {"done": 3, "message": "row 3"},
        {"state": "completed", "result": {"rows": 3}},
    ]  # fmt: skip


def test_a_tight_loop_sends_little(serve: Any, client: Any) -> None:
    server = serve(job_answer)
    with JobReporter(client(server), "t", total=1000, kind="k", clock=Clock()) as job:
        for done in range(1, 1001):
            job.report(done)
    sent = reports(server)
    assert 5 <= len(sent) <= 40, "a thousand calls are ten or twenty intervals"
    assert sent[0] == {"done": 1} and sent[-1] == {"state": "completed"}


def test_a_task_that_comes_again_does_not_go_back(serve: Any, client: Any) -> None:
    server, clock = serve(lambda request: job_answer(request, done=7)), Clock()
    with JobReporter(client(server), "t", total=10, kind="k", clock=clock) as job:
        for done in range(1, 10):
            job.report(done)
            clock.now_s += REPORT_INTERVAL_S
    assert reports(server) == [{"done": 8}, {"done": 9}, {"state": "completed"}]


class ComesAgain(Exception):
    pass


@pytest.mark.parametrize(
    "error, reported",
    [
        (ValueError("an empty row"), [{"state": "failed", "failedReason": "ValueError: an empty row"}]),
        (ValueError("\u00e9" * 5000), [{"state": "failed", "failedReason": "ValueError: " + "\u00e9" * 2042}]),
        (ComesAgain(), []),
        (SystemExit(), []),
        (KeyboardInterrupt(), []),
    ],
)
def test_how_a_task_ends_that_raises(serve: Any, client: Any, error: BaseException, reported: list[Any]) -> None:
    server = serve(job_answer)
    with pytest.raises(type(error)):
        with JobReporter(client(server), "t", total=1, kind="k", not_the_end=(ComesAgain,)):
            raise error
    assert reports(server) == reported


@pytest.mark.parametrize("refusal", [problem(503), problem(401), problem(409), problem(404), Reply(b"", "reset")])
def test_the_work_goes_on_without_the_server(serve: Any, client: Any, refusal: Reply) -> None:
    server, clock = serve(lambda _: refusal), Clock()
    worked = 0
    with JobReporter(client(server), "t", total=100, kind="k", clock=clock) as job:
        asked_at_first = len(server.requests)
        for done in range(1, 101):
            worked = done
            job.report(done)
            clock.now_s += PAUSE_AFTER_FAILURE_S / 50
        job.result = {1, 2}  # which JSON cannot carry: that harms nobody either
    assert worked == 100
    attempts = len([request for request in server.requests if request.method == "PATCH"]) / asked_at_first
    assert attempts <= 3, "while it is away it is asked every few seconds only"


def test_a_value_error_of_the_work_is_not_swallowed(serve: Any, client: Any) -> None:
    with pytest.raises(ValueError, match="mine"):
        with JobReporter(client(serve(job_answer)), "t", total=1, kind="k"):
            raise ValueError("mine")


# ------------------------------------------------------------------------------------------------ the task itself


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch, serve: Any) -> Iterator[Any]:
    """The example's module, with its server at hand as `tasks.server`, and without the pause that is its work."""
    fake_celery.install(monkeypatch)
    server = serve(job_answer)
    monkeypatch.setenv("PROGRESSD_URL", server.url)
    monkeypatch.delitem(sys.modules, "tasks", raising=False)
    module: Any = importlib.import_module("tasks")
    module.IMPORTS_PER_SECOND = 1_000.0
    module.server = server
    yield module
    module.client.close()
    del sys.modules["tasks"]


def test_the_job_is_there_before_the_task_is_sent(tasks: Any) -> None:
    task_id = tasks.start_import(["a", "b", "c"])
    first, second, *rest = tasks.server.requests
    assert first.body == second.body and first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"] == task_id
    assert json.loads(first.body)["id"] == task_id
    assert {request.target for request in rest} == {f"/v1/jobs/{task_id}"}
    assert reports(tasks.server)[-1] == {"state": "completed", "result": {"rows": 3}}


def test_a_row_that_cannot_be_imported_fails_the_job(tasks: Any) -> None:
    with pytest.raises(ValueError):
        tasks.start_import(["a", ""])
    assert reports(tasks.server)[-1] == {"state": "failed", "failedReason": "ValueError: an empty row"}


def test_a_retry_leaves_the_job_open_and_the_last_one_fails_it(tasks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    def unreachable(row: str) -> None:
        tries.append(row)
        raise ConnectionError("the database is away")

    monkeypatch.setattr(tasks, "import_row", unreachable)
    with pytest.raises(ConnectionError):
        tasks.start_import(["a"])
    assert len(tries) == 4
    failed = {"state": "failed", "failedReason": "ConnectionError: the database is away"}
    assert reports(tasks.server) == [failed]


def test_announcing_again_answers_the_same_job(serve: Any, client: Any) -> None:
    server = serve(job_answer)
    for _ in range(2):
        assert announce(client(server), "t", total=3, kind="import")["id"] == "t"
    assert server.requests[0].body == server.requests[1].body
