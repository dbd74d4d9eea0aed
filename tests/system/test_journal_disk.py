"""The SQLite journal on a disk that is full, read-only or away: writes are refused, all else goes on, and it comes back."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from harness import Server, assert_problem, wait_until
from test_journal import journal_at, kill, refused_start

Start = Callable[..., Server]


def refuses_writes(server: Server, job: dict[str, Any]) -> bool:
    response = server.request("PATCH", f"/v1/jobs/{job['id']}", {"message": "is it there?"})
    if response.status == 200:
        return False
    assert_problem(response, 503)
    assert response["Retry-After"]
    return True


def takes_writes(server: Server, job: dict[str, Any]) -> bool:
    return not refuses_writes(server, job)


def set_file_bytes_max(server: Server, size: int) -> None:
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_a_full_disk_refuses_writes_and_nothing_else(server: Start, tmp_path: Path) -> None:
    running = server(*journal_at(tmp_path))
    job = running.external()
    running.patch(job, done=3)
    own = running.create(total=1_000_000, stepMs=5)
    watching = running.follow(own)
    watching.until(lambda event: event.json["done"] >= 3)
    set_file_bytes_max(running, (tmp_path / "journal-wal").stat().st_size)
    wait_until(lambda: refuses_writes(running, job), "the disk to be full")
    before = running.job(job)
    assert_problem(running.request("POST", "/v1/jobs", {"id": "none"}), 503)
    assert running.request("GET", "/v1/jobs/none").status == 404
    assert_problem(running.request("GET", "/readyz"), 503, "the journal can't be written at present")
    assert running.request("GET", "/healthz").status == 200
    assert_problem(running.request("POST", "/api/v1/sse/progress/ann", {"a": 1}), 503)
    assert running.request("GET", "/api/v1/sse/progress/status/ann").json() is None
    report = b'{"job":"%s","done":50}\n' % job["id"].encode()
    for lines in (report, report * 100, b"0\n" + report, report + b'{"job":"nobody"}\n'):
        unkept = running.report_lines(lines)
        assert_problem(unkept, 503)
        assert unkept["Retry-After"], "the whole request is to be sent again"
    assert running.report_lines(b"0\n").json()["accepted"] == 0, "nothing of it was for the journal"
    with running.follow(job) as stream:
        assert stream.next().json == before
    stood_at = running.job(own)["done"]
    set_file_bytes_max(running, resource.RLIM_INFINITY)
    wait_until(lambda: takes_writes(running, job), "the journal to come back")
    assert running.request("GET", "/readyz").status == 200
    assert running.job(job)["done"] == 3
    done = [event.json["done"] for event in watching.until(lambda event: event.json["done"] >= stood_at + 5)]
    assert all(later - earlier in (0, 1) for earlier, later in zip(done, done[1:]))
    running.report({"job": job["id"], "done": 50})
    expected = running.job(job)
    kill(running)
    assert server(*journal_at(tmp_path)).job(job) == expected


def test_a_folder_that_goes_away_and_comes_back(server: Start, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    running = server(*journal_at(folder))
    job = running.external()
    running.patch(job, done=1)
    folder.rename(tmp_path / "away")
    wait_until(lambda: refuses_writes(running, job), "the folder to be missed")
    assert running.job(job)["done"] == 1
    (tmp_path / "away").rename(folder)
    wait_until(lambda: takes_writes(running, job), "the journal to come back")
    running.patch(job, done=2)
    kill(running)
    assert server(*journal_at(folder)).job(job)["done"] == 2


def test_a_folder_that_was_deleted_is_not_written_to(server: Start, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    running = server(*journal_at(folder))
    job = running.external()
    shutil.rmtree(folder)
    wait_until(lambda: refuses_writes(running, job), "the folder to be missed")
    assert running.job(job)["state"] == "pending"
    assert not folder.exists()


def test_a_signal_ends_it_though_the_journal_is_away(server: Start, tmp_path: Path) -> None:
    running = server(*journal_at(tmp_path))
    job = running.external()
    set_file_bytes_max(running, 0)
    wait_until(lambda: refuses_writes(running, job), "the disk to be full")
    os.kill(running.pid, signal.SIGTERM)
    assert running.wait() == 0


# ------------------------------------------------------------------------------------------------ a real one


class SmallDisk:
    """A file system of a megabyte, in a mount namespace of its own: it is there for the programs run with `enter`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        is_root = os.geteuid() == 0
        script = 'mount -t tmpfs -o size=1m tmpfs "$0" && echo mounted && exec cat'
        self._keeper = subprocess.Popen(
            ["unshare", "--mount", *(() if is_root else ("--map-root-user",)), "sh", "-c", script, str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        pid = str(self._keeper.pid)
        as_user = () if is_root else ("--user", "--preserve-credentials")
        self.enter = ("nsenter", "--target", pid, "--mount", *as_user, "--")
        assert self._keeper.stdout and self._keeper.stdout.readline() == b"mounted\n", "no file system can be mounted here"

    def seen(self, name: str) -> Path:
        """A file of it, as this process can reach it."""
        return Path(f"/proc/{self._keeper.pid}/root{self.folder}") / name

    def run(self, *command: str) -> None:
        subprocess.run([*self.enter, *command], check=True)

    def fill(self) -> None:
        with pytest.raises(OSError, match="No space left"), self.seen("ballast").open("wb", buffering=0) as ballast:
            while True:
                ballast.write(b"x" * 4096)

    def make_room(self) -> None:
        self.seen("ballast").unlink()

    def close(self) -> None:
        self._keeper.communicate()  # its standard input ends


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    disk = SmallDisk(tmp_path / "disk")
    yield disk
    disk.close()


def test_a_start_on_a_full_disk_is_refused_and_needs_nothing_but_room(server: Start, small_disk: SmallDisk) -> None:
    flags = journal_at(small_disk.folder)
    small_disk.fill()
    said = refused_start(*flags, prefix=small_disk.enter)
    assert str(small_disk.folder / "journal") in said and "full" in said
    small_disk.make_room()
    first = server(*flags, prefix=small_disk.enter)
    job = first.external()
    first.patch(job, done=3)
    first.stop()

    small_disk.fill()
    before = small_disk.seen("journal").read_bytes()
    said = refused_start(*flags, prefix=small_disk.enter)
    assert str(small_disk.folder / "journal") in said and "full" in said
    assert small_disk.seen("journal").read_bytes() == before
    small_disk.make_room()
    assert server(*flags, prefix=small_disk.enter).job(job)["done"] == 3


@pytest.mark.parametrize("durability", ["full", "relaxed"])
def test_a_disk_that_becomes_full_refuses_until_there_is_room(
    server: Start, small_disk: SmallDisk, durability: str
) -> None:
    flags = (*journal_at(small_disk.folder), "--durability", durability)
    running = server(*flags, prefix=small_disk.enter)
    job = running.external(total=1_000_000)
    watching = running.follow(job)
    assert watching.next().type == "snapshot"
    acknowledged = 3
    for done in range(1, acknowledged + 1):
        running.patch(job, done=done)
    small_disk.fill()

    def is_full() -> bool:
        nonlocal acknowledged
        answer = running.request("PATCH", f"/v1/jobs/{job['id']}", {"done": acknowledged + 1, "message": "m" * 4_000})
        acknowledged += answer.status == 200
        return answer.status == 503 and answer["Retry-After"] is not None

    wait_until(is_full, "the disk to be full")
    assert_problem(running.request("GET", "/readyz"), 503)
    assert running.job(job)["done"] == acknowledged, "reads go on"
    with running.follow(job) as stream:
        assert stream.next().json["done"] == acknowledged, "streams go on"
    small_disk.make_room()
    wait_until(lambda: takes_writes(running, job), "the journal to come back")
    assert running.request("GET", "/readyz").status == 200
    running.patch(job, done=500_000)
    seen = [event.json["done"] for event in watching.until(lambda event: event.json["done"] == 500_000)]
    assert sorted(set(seen) - {500_000}) == list(range(1, acknowledged + 1)), "what was refused is never seen"
    expected = running.job(job)
    kill(running)
    assert server(*flags, prefix=small_disk.enter).job(job) == expected


def test_a_disk_that_is_mounted_read_only_is_said(server: Start, small_disk: SmallDisk) -> None:
    flags = journal_at(small_disk.folder)
    first = server(*flags, prefix=small_disk.enter)
    job = first.external()
    first.patch(job, done=3)
    first.stop()
    before = {path.name: path.read_bytes() for path in small_disk.seen("").iterdir()}
    small_disk.run("mount", "-o", "remount,ro", str(small_disk.folder))
    said = refused_start(*flags, prefix=small_disk.enter)
    assert str(small_disk.folder / "journal") in said and "Read-only file system" in said
    assert {path.name: path.read_bytes() for path in small_disk.seen("").iterdir()} == before
    small_disk.run("mount", "-o", "remount,rw", str(small_disk.folder))
    assert server(*flags, prefix=small_disk.enter).job(job)["done"] == 3


def test_a_disk_that_is_taken_away_and_mounted_again(server: Start, small_disk: SmallDisk) -> None:
    flags = journal_at(small_disk.folder)
    running = server(*flags, prefix=small_disk.enter)
    job = running.external()
    running.patch(job, done=3)
    # What stands there instead is none of ours, and stays empty.
    small_disk.run("mount", "-t", "tmpfs", "tmpfs", str(small_disk.folder))
    wait_until(lambda: refuses_writes(running, job), "the disk to be missed")
    assert running.job(job)["done"] == 3
    wait_until(lambda: [line for line in running.log.all if "can't be written" in line], "the log to tell of it")
    assert list(small_disk.seen("").iterdir()) == []
    # Busy for the moment in which the journal looks whether its disk is back.
    umount = [*small_disk.enter, "umount", str(small_disk.folder)]
    wait_until(lambda: subprocess.run(umount).returncode == 0, "the other disk to be let go")
    wait_until(lambda: takes_writes(running, job), "the journal to come back")
    running.patch(job, done=4)
    kill(running)
    assert server(*flags, prefix=small_disk.enter).job(job)["done"] == 4
