"""The SQLite journal: what was answered is there after a restart, streams resume over it, and a bad file is said."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable, Iterable

import pytest
from harness import BINARY, Server, plain_environment, request_bytes, steady, wait_until
from tokens import SECRET, bearer, token

Start = Callable[..., Server]


def journal_at(folder: Path) -> tuple[str, str]:
    return ("--journal", f"sqlite:{folder / 'journal'}")


def kill(server: Server) -> None:
    server.process.kill()
    server.process.wait()
    server.stopped = True


def end(server: Server) -> None:
    server.stop()


BOTH_ENDS = pytest.mark.parametrize("end_of", [kill, end], ids=["killed", "ended"])


def refused_start(*flags: str, prefix: Iterable[str] = ()) -> str:
    """What a server says that does not start: its exit status is 1."""
    ended = subprocess.run(
        [*prefix, str(BINARY), "--listen", "127.0.0.1:0", *flags],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, env=plain_environment(),
    )  # fmt: skip
    assert ended.returncode == 1, ended
    return ended.stderr


# ------------------------------------------------------------------------------------------------ on the way


def test_retries_that_come_before_the_first_is_kept_are_answered_as_it_is(server: Start, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    flags = ("--jwt-secret-file", str(secret), "--max-jobs-per-user", "1", "--create-rate", "1")
    guard = server(*flags, *journal_at(tmp_path))
    headers = {**bearer(token("ada")), "Content-Type": "application/json", "Idempotency-Key": "one"}
    request = request_bytes(guard.address, "POST", "/v1/jobs", headers, b'{"runner":"external"}')
    with ExitStack() as opened:
        connections = [opened.enter_context(guard.connect()) for _ in range(12)]
        for connection in connections:
            connection.send(request)
        answers = [connection.read_response("POST") for connection in connections]
    assert sorted(answer.status for answer in answers) == [200] * 11 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1


# ------------------------------------------------------------------------------------------------ restart


@BOTH_ENDS
def test_jobs_channels_and_keys_are_there_after_a_restart(
    server: Start, tmp_path: Path, end_of: Callable[[Server], None]
) -> None:
    first = server(*journal_at(tmp_path))
    active = first.external(kind="import", message="now", total=500)
    first.patch(active, done=7, message="page 7")
    finished = first.external()
    first.patch(finished, state="completed", result={"rows": [1, 2]})
    gone = first.external()
    first.delete(gone)
    body = {"runner": "external"}
    keyed = first.request("POST", "/v1/jobs", body, headers={"Idempotency-Key": "k"})
    assert keyed.status == 201
    posted = first.request("POST", "/api/v1/sse/progress/ann", {"completed": 3, "status": "going"})
    assert posted.status == 202
    before = [first.job(active), first.job(finished)]
    end_of(first)

    again = server(*journal_at(tmp_path))
    assert [again.job(active), again.job(finished)] == before
    assert again.request("GET", f"/v1/jobs/{gone['id']}").status == 404
    repeated = again.request("POST", "/v1/jobs", body, headers={"Idempotency-Key": "k"})
    assert (repeated.status, repeated.json()["id"]) == (200, keyed.json()["id"])
    assert again.request("POST", "/v1/jobs", {}, headers={"Idempotency-Key": "k"}).status == 422
    assert again.request("GET", "/api/v1/sse/progress/status/ann").json() == {"completed": 3, "status": "going"}
    again.patch(active, done=8)
    assert [job["id"] for job in again.request("GET", "/v1/jobs").json()["jobs"]] == [
        keyed.json()["id"], finished["id"], active["id"],
    ]  # fmt: skip


@BOTH_ENDS
def test_a_stream_resumes_over_a_restart_without_a_seam(
    server: Start, tmp_path: Path, end_of: Callable[[Server], None]
) -> None:
    first = server(*journal_at(tmp_path))
    job = first.external(total=100)
    with first.follow(job) as stream:
        stream.next()
        first.report(*({"job": job["id"], "done": done} for done in range(1, 21)))
        seen = stream.take(20)
    first.request("POST", "/api/v1/sse/progress/ann", {"n": 1})
    first.request("POST", "/api/v1/sse/progress/ann", {"n": 2})
    with first.stream("/api/v1/sse/progress/stream/ann") as channel:
        channel_id = channel.next().id
    first.request("POST", "/api/v1/sse/progress/ann", {"n": 3})
    end_of(first)

    again = server(*journal_at(tmp_path))
    with again.follow(job, last_event_id=seen[4].id) as stream:
        assert [(e.id, e.data) for e in stream.take(15)] == [(e.id, e.data) for e in seen[5:]]
        again.patch(job, done=21)
        assert stream.next().json["done"] == 21
    with again.stream(f"/v1/events?job={job['id']}", last_event_id=seen[-1].id) as stream:
        assert stream.next().json["done"] == 21
    with again.stream("/api/v1/sse/progress/stream/ann", last_event_id=channel_id) as channel:
        assert channel.next().json == {"n": 3}


def test_what_history_no_longer_holds_is_a_gap(server: Start, tmp_path: Path) -> None:
    flags = (*journal_at(tmp_path), "--history-events", "5")
    first = server(*flags)
    job = first.external(total=100)
    with first.follow(job) as stream:
        began = stream.next()
        first.report(*({"job": job["id"], "done": done} for done in range(1, 11)))
        seen = stream.take(10)
    kill(first)
    again = server(*flags)
    with again.follow(job, last_event_id=seen[5].id) as stream:
        assert [event.id for event in stream.take(4)] == [event.id for event in seen[6:]]
    with again.follow(job, last_event_id=began.id) as stream:
        gap, snapshot = stream.take(2)
        assert (gap.type, gap.json, gap.id) == ("gap", {"lastEventId": began.id}, None)
        assert (snapshot.type, snapshot.json["done"]) == ("snapshot", 10)


def test_an_end_that_was_seen_before_the_restart_is_204_after_it(server: Start, tmp_path: Path) -> None:
    first = server(*journal_at(tmp_path))
    job = first.external()
    with first.follow(job) as stream:
        stream.next()
        first.patch(job, state="completed")
        last = stream.rest()[-1]
    kill(first)
    again = server(*journal_at(tmp_path))
    assert again.stream(f"/v1/jobs/{job['id']}/events", last_event_id=last.id).status == 204


@pytest.mark.parametrize("runner", ["timer", "cpu"])
def test_a_job_of_our_own_goes_on_as_its_next_attempt(server: Start, tmp_path: Path, runner: str) -> None:
    first = server(*journal_at(tmp_path))
    job = first.create(runner=runner, total=1_000_000, stepMs=1, stepWork=1)
    with first.follow(job) as stream:
        seen = stream.until(lambda event: event.json["done"] >= 5)[-1]
    kill(first)
    again = server(*journal_at(tmp_path))
    with again.follow(job, last_event_id=seen.id) as stream:
        events = stream.until(lambda event: event.json["done"] >= seen.json["done"] + 20)
    done = [seen.json["done"], *(event.json["done"] for event in events)]
    steps = [later - earlier for earlier, later in zip(done, done[1:])]
    assert set(steps) <= {0, 1} and steps.count(0) == 1, "one event says that it was begun again"
    assert again.job(job)["attempt"] == 2
    again.cancel(job)


def test_a_job_that_had_not_begun_begins(server: Start, tmp_path: Path) -> None:
    first = server(*journal_at(tmp_path))
    job = first.create(total=2, stepMs=400)
    kill(first)
    again = server(*journal_at(tmp_path))
    ended = again.wait_for_state(job, "completed")
    assert ended["attempt"] in (1, 2)  # it may have begun already


def test_an_external_job_stalls_when_nobody_comes_back(server: Start, tmp_path: Path) -> None:
    first = server(*journal_at(tmp_path))
    job = first.external(stallAfterMs=300)
    first.patch(job, done=1)
    kill(first)
    again = server(*journal_at(tmp_path))
    ended = again.wait_for_state(job, "failed")
    assert (ended["failedReason"], ended["attempt"]) == ("stalled", 1)


def test_forgotten_jobs_stay_forgotten(server: Start, tmp_path: Path) -> None:
    flags = (*journal_at(tmp_path), "--retain-finished", "100ms")
    first = server(*flags)
    job = first.external()
    kept = first.external()
    first.patch(job, state="completed")
    wait_until(lambda: first.request("GET", f"/v1/jobs/{job['id']}").status == 404, "the job to be forgotten")
    kill(first)
    again = server(*flags)
    assert again.request("GET", f"/v1/jobs/{job['id']}").status == 404
    assert steady(again.job(kept)) == steady(kept)


def test_pipelined_requests_are_answered_in_order(server: Start, tmp_path: Path) -> None:
    running = server(*journal_at(tmp_path))
    connection = running.connect()
    create = b'{"id":"a","runner":"external"}'
    report = b'{"done":5}'

    def request(method: str, path: str, body: bytes) -> bytes:
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        return head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body

    connection.send(
        request("POST", "/v1/jobs", create) + request("PATCH", "/v1/jobs/a", report)
        + request("GET", "/v1/jobs/a", b"") + request("POST", "/v1/jobs", create)
    )  # fmt: skip
    assert [connection.read_response().status for _ in range(4)] == [201, 200, 200, 409]


def test_a_client_that_goes_before_its_answer_harms_nobody(server: Start, tmp_path: Path) -> None:
    running = server(*journal_at(tmp_path))
    for number in range(50):
        body = b'{"id":"job-%d","runner":"external"}' % number
        with running.connect() as connection:
            head = f"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
            connection.send(head.encode() + b"\r\n\r\n" + body)
            connection.reset()
    job = running.external()
    running.patch(job, done=1)


def test_a_demo_that_is_there_already_is_no_fault(server: Start, tmp_path: Path) -> None:
    first = server(*journal_at(tmp_path), "--demo")
    assert first.job("demo")["attempt"] == 1
    kill(first)
    assert server(*journal_at(tmp_path), "--demo").job("demo")["id"] == "demo"


def test_a_task_that_was_told_of_is_gone_at_once(server: Start, tmp_path: Path) -> None:
    running = server(*journal_at(tmp_path), "--demo-duration", "100ms")
    task = running.request("POST", "/start-task").json()["task_id"]
    with running.stream(f"/task-progress/{task}") as stream:
        assert stream.rest()[-1].json["status"] == "completed"
    assert running.stream(f"/task-progress/{task}").status == 404


def test_relaxed_durability_survives_a_kill(server: Start, tmp_path: Path) -> None:
    flags = (*journal_at(tmp_path), "--durability", "relaxed")
    first = server(*flags)
    job = first.external()
    first.patch(job, done=9)
    kill(first)
    assert server(*flags).job(job)["done"] == 9


# ------------------------------------------------------------------------------------------------ files


def test_a_second_process_is_locked_out(server: Start, tmp_path: Path) -> None:
    first = server(*journal_at(tmp_path))
    job = first.external()
    said = refused_start(*journal_at(tmp_path))
    assert str(tmp_path / "journal") in said and "another process" in said
    first.patch(job, done=1)


def spoil(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        for page in range(1, size // 4096):
            file.seek(page * 4096)
            file.write(b"\xee" * 200)


def make_newer(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 1000")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def spoil_a_change(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("UPDATE block SET bytes = x'00'")
        db.execute("PRAGMA journal_mode = DELETE")


def lose_a_change(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("DELETE FROM block WHERE first = 1")
        db.execute("PRAGMA journal_mode = DELETE")


def make_foreign(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE theirs (a)")


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (spoil, ""),
        (spoil_a_change, "corrupt"),
        (lose_a_change, "change 1 is missing"),
        (make_newer, "newer"),
        (make_foreign, "another program"),
        (lambda path: path.write_bytes(b"not a database at all\n" * 500), "no SQLite file"),
    ],
    ids=["corrupt", "spoilt", "holed", "newer", "foreign", "garbage"],
)
def test_a_bad_file_is_named_and_left_alone(
    server: Start, tmp_path: Path, harm: Callable[[Path], Any], says: str
) -> None:
    first = server(*journal_at(tmp_path))
    first.patch(first.external(), done=1)
    end(first)
    path = tmp_path / "journal"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    harm(path)
    before = path.read_bytes()
    said = refused_start(*journal_at(tmp_path))
    assert str(path) in said and says in said
    assert path.read_bytes() == before


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    said = refused_start(*journal_at(tmp_path / "missing"))
    assert str(tmp_path / "missing" / "journal") in said


def test_a_flag_that_is_wrong_is_named() -> None:
    for flags in (("--journal", "sqlite:"), ("--journal", "paper:"), ("--durability", "some")):
        ended = subprocess.run([str(BINARY), *flags], capture_output=True, text=True, timeout=60, env=plain_environment())
        assert ended.returncode == 2 and flags[0] in ended.stderr


def test_a_backup_is_made_while_the_server_runs(server: Start, tmp_path: Path) -> None:
    running = server(*journal_at(tmp_path))
    job = running.external()
    running.patch(job, done=4)
    (tmp_path / "backup").mkdir()
    copy = tmp_path / "backup" / "journal"
    with sqlite3.connect(f"file:{tmp_path / 'journal'}?mode=ro", uri=True) as db:
        db.execute("VACUUM INTO ?", (str(copy),))
    running.patch(job, done=5)
    assert server(*journal_at(copy.parent)).job(job)["done"] == 4
