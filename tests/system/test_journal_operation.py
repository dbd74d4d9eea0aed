"""Operating the SQLite journal: a backup under load, a file that can't be written, what is measured, and the start."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import threading
from contextlib import closing
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from harness import BINARY, Server, assert_problem, patience, plain_environment, wait_until
from progressctl import ctl
from test_metrics import collect

Start = Callable[..., Server]

# Root may write what is read-only. Without its capabilities it is held to a file's mode as anybody is, and still
# reaches a folder of root's own.
UNPRIVILEGED = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()


def journal_at(folder: Path) -> tuple[str, str]:
    return ("--journal", f"sqlite:{folder / 'journal'}")


# ------------------------------------------------------------------------------------------------ backup


class Workers:
    """Report on a job each, and know up to where that was acknowledged."""

    def __init__(self, server: Server, count: int) -> None:
        self.jobs = [server.external(total=10**9) for _ in range(count)]
        self.acknowledged = dict.fromkeys((job["id"] for job in self.jobs), 0)
        self._server = server
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(job["id"],)) for job in self.jobs]

    def _work(self, job: str) -> None:
        with self._server.connect() as connection:
            while not self._over.is_set():
                done = self.acknowledged[job] + 1
                body = json.dumps({"done": done, "message": f"{done}:" + "x" * 500}).encode()
                answer = connection.request("PATCH", f"/v1/jobs/{job}", {"Content-Type": "application/json"}, body)
                assert answer.status == 200, answer
                self.acknowledged[job] = done

    def __enter__(self) -> Workers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(patience())
            assert not thread.is_alive()


def test_a_backup_under_load_holds_what_was_acknowledged(server: Start, tmp_path: Path) -> None:
    running = server(*journal_at(tmp_path), "--durability", "relaxed")
    (tmp_path / "backup").mkdir()
    copy = tmp_path / "backup" / "journal"
    with Workers(running, 8) as workers:
        wait_until(lambda: min(workers.acknowledged.values()) >= 100, "some changes")
        before = dict(workers.acknowledged)
        done = ctl("backup", str(tmp_path / "journal"), str(copy))
        assert done.returncode == 0 and done.stderr == "", done
        assert json.loads(done.stdout)["verified"]
        after = dict(workers.acknowledged)
        wait_until(lambda: min(workers.acknowledged.values()) > max(after.values()), "changes after it")
    restored = server(*journal_at(copy.parent))
    for job in workers.jobs:
        kept = restored.job(job)
        assert before[job["id"]] <= kept["done"] <= after[job["id"]] + 1
        assert kept["message"].startswith(f"{kept['done']}:")
        assert running.job(job)["done"] == workers.acknowledged[job["id"]], "it goes on undisturbed"
    restored.patch(workers.jobs[0], message="a server of its own")


# ------------------------------------------------------------------------------------------------ read-only


@pytest.fixture
def writable_again(tmp_path: Path) -> Iterator[None]:
    yield
    for path in (tmp_path, *tmp_path.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.mark.usefixtures("writable_again")
@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_journal_that_is_read_only_is_named(server: Start, tmp_path: Path, what: str) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    first = server(*journal_at(folder))
    first.external()
    first.stop()
    for path in folder.iterdir():
        path.chmod(0o444)
    if what == "folder":
        folder.chmod(0o555)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    ended = subprocess.run(
        [*UNPRIVILEGED, str(BINARY), "--listen", "127.0.0.1:0", *journal_at(folder)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=patience(), env=plain_environment(),
    )  # fmt: skip
    assert ended.returncode == 1, ended
    assert str(folder / "journal") in ended.stderr
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.usefixtures("writable_again")
def test_one_that_becomes_read_only_refuses_writes_until_it_is_not(server: Start, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    running = server(*journal_at(folder), prefix=UNPRIVILEGED)
    job = running.external()
    watching = running.follow(job)
    assert watching.next().type == "snapshot"

    def patch(**fields: Any) -> Any:
        return running.request("PATCH", f"/v1/jobs/{job['id']}", fields)

    # As after an error of the disk: the file is opened again, and can only be read.
    folder.rename(tmp_path / "away")
    wait_until(lambda: patch(message="?").status == 503, "the folder to be missed")
    for path in (tmp_path / "away").iterdir():
        path.chmod(0o444)
    (tmp_path / "away").rename(folder)
    tries = len(running.log.all)
    for _ in range(20):
        refused = patch(done=1)
        assert_problem(refused, 503)
        assert refused["Retry-After"]
    assert not any("can be written again" in line for line in running.log.all[tries:])
    assert running.request("GET", "/readyz").status == 503
    assert running.job(job)["done"] == 0
    with running.follow(job) as stream:
        assert stream.next().type == "snapshot"
    assert collect(running)["progressd_journal_up"] == 0
    for path in folder.iterdir():
        path.chmod(0o644)
    wait_until(lambda: patch(done=2).status == 200, "the journal to come back")
    events = watching.until(lambda event: event.json["done"] == 2)
    assert all(event.json["done"] in (0, 2) for event in events), "what was refused is never seen"


# ------------------------------------------------------------------------------------------------ figures


def test_metrics_and_stats_tell_of_the_journal(server: Start, tmp_path: Path) -> None:
    running = server(*journal_at(tmp_path))
    before = collect(running)
    assert before["progressd_journal_up"] == 1
    job = running.external()
    for done in range(1, 11):
        running.patch(job, done=done)
    running.report(*({"job": job["id"], "done": done} for done in range(11, 31)))
    after = collect(running)
    assert after["progressd_journal_batch_changes_sum"] - before["progressd_journal_batch_changes_sum"] == 31
    assert after["progressd_journal_batch_changes_count"] - before["progressd_journal_batch_changes_count"] == 12
    assert after["progressd_journal_commit_seconds_count"] - before["progressd_journal_commit_seconds_count"] == 12
    assert after['progressd_journal_commit_seconds_bucket{le="+Inf"}'] == after["progressd_journal_commit_seconds_count"]
    assert 0 < after["progressd_journal_commit_seconds_sum"] < patience()
    assert after["progressd_journal_waiting_changes"] == 0
    journal = running.stats()["journal"]
    assert journal.pop("commitMs") > 0
    assert journal == {"up": True, "waitingChanges": 0, "commits": 12, "changes": 31}


def test_a_journal_in_memory_has_no_figures(server: Start) -> None:
    running = server()
    assert running.stats()["journal"] is None
    assert not [name for name in collect(running) if "journal" in name]


# ------------------------------------------------------------------------------------------------ the start


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_file_of_an_older_version_is_brought_forward(server: Start, tmp_path: Path, version: int) -> None:
    def ask(sql: str) -> Any:
        with closing(sqlite3.connect(tmp_path / "journal")) as db:
            return db.execute(sql).fetchone()

    first = server(*journal_at(tmp_path))
    job = first.external()
    first.stop()
    assert ask("PRAGMA user_version") == (4,)
    ask(f"PRAGMA user_version = {version}")
    assert server(*journal_at(tmp_path)).job(job) == job
    assert ask("PRAGMA user_version") == (4,)


def test_the_service_manager_is_told_when_the_journal_is_there(server: Start, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(patience())
        running = server(*journal_at(tmp_path), environment={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert manager.recv(100) == b"READY=1"
        assert running.request("GET", "/readyz").status == 200
        running.stop()
        assert manager.recv(100) == b"STOPPING=1"
        (tmp_path / "journal").write_bytes(b"no database\n" * 99)
        with pytest.raises(AssertionError, match="ended with 1"):
            Server(*journal_at(tmp_path), environment={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        manager.setblocking(False)
        with pytest.raises(BlockingIOError):
            manager.recv(100)
