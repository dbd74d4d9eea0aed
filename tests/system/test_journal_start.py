"""The start of a server with a journal in SQLite: whatever ends it there, the next start finds all that was kept."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any, Callable

import pytest
from harness import Server, sanitized, wait_until
from test_journal import journal_at, kill

Start = Callable[..., Server]
EARLY_ENDS = 5 if sanitized() else 20
START_S = 0.08  # about as long as a start takes
CHANGES = 300_000
JOBS = 1_000
LINES = 30_000  # of one request: less than 1 MiB
RECOVERED = "were read again"


def number_of(log: list[str], said: str) -> int:
    """The place of the line in the log; behind it where there is none."""
    return next((number for number, line in enumerate(log) if said in line), len(log))


# ------------------------------------------------------------------------------------------------ before it serves


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_before_there_is_a_server_ends_it_well(server: Start, tmp_path: Path, number: int) -> None:
    config = tmp_path / "config.toml"
    os.mkfifo(config)
    starting = server(*journal_at(tmp_path), "--config", str(config), ready=False)
    with config.open("w"):  # it waits for it, in the midst of its flags
        starting.process.send_signal(number)
    assert starting.wait() == 0
    first = server(*journal_at(tmp_path))
    first.external(id="a")
    kill(first)
    assert server(*journal_at(tmp_path)).job("a")["state"] == "pending"


def test_a_reload_that_is_asked_for_before_there_is_a_server_comes_then(server: Start, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    os.mkfifo(config)
    starting = server("--config", str(config), ready=False)
    with config.open("w"):
        starting.process.send_signal(signal.SIGHUP)
        config.unlink()
        config.write_text("max-jobs = 1\n")  # to be read the second time
    starting.wait_for_ready()
    starting.wait_for_log("is in force")
    starting.external()
    assert starting.request("POST", "/v1/jobs", {"runner": "external"}).status == 503


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_start_that_ends_at_any_moment_leaves_nothing_half_made(server: Start, tmp_path: Path, number: int) -> None:
    seed = int(os.environ.get("PROGRESSD_TEST_SEED", random.SystemRandom().randrange(2**32)))
    print(f"repeat with PROGRESSD_TEST_SEED={seed}")
    chance = random.Random(seed)
    for place in range(EARLY_ENDS):
        folder = tmp_path / str(place)
        folder.mkdir()
        for _ in range(2):  # the file is made, and opened
            starting = server(*journal_at(folder), ready=False)
            time.sleep(chance.uniform(0, START_S))
            starting.process.send_signal(number)
            status = starting.process.wait()
            starting.stopped = True
            starting.log.finish()
            # SIGTERM may come before the program's first line, when it has done nothing yet.
            assert status in (0, -number) and (number == signal.SIGKILL or status == 0 or not starting.log.all)
        running = server(*journal_at(folder))
        running.external()
        running.stop()


# ------------------------------------------------------------------------------------------------ while it reads


@pytest.fixture
def long_journal(server: Start, tmp_path: Path) -> tuple[str, ...]:
    """The flags of a journal with many changes that no cut took off."""
    flags = (*journal_at(tmp_path), "--durability", "relaxed", "--journal-log-bytes", "1GiB")
    first = server(*flags)
    for number in range(JOBS):
        first.external(id=f"job-{number}", total=1_000_000)
    lines = [json.dumps({"job": f"job-{i % JOBS}", "done": i // JOBS + 1}) + "\n" for i in range(CHANGES)]
    for begin in range(0, CHANGES, LINES):
        answer = first.report_lines("".join(lines[begin : begin + LINES]).encode()).json()
        assert answer == {"accepted": LINES, "rejected": []}
    kill(first)
    return flags


def signal_in_its_recovery(starting: Server, number: int) -> None:
    starting.wait_for_log("listening on")
    starting.process.send_signal(number)


def assert_all_is_there(running: Server) -> None:
    for number in (0, JOBS // 2, JOBS - 1):
        assert running.job(f"job-{number}")["done"] == CHANGES // JOBS


def test_sigterm_in_a_recovery_ends_it_and_harms_nothing(
    server: Start, tmp_path: Path, long_journal: tuple[str, ...]
) -> None:
    before = (tmp_path / "journal").read_bytes()

    def ends_in_its_recovery() -> bool:
        starting = server(*long_journal, ready=False)
        signal_in_its_recovery(starting, signal.SIGTERM)
        assert starting.wait() == 0
        return number_of(starting.log.all, RECOVERED) == len(starting.log.all)

    wait_until(ends_in_its_recovery, "a signal to come before all was read")
    assert (tmp_path / "journal").read_bytes() == before
    assert_all_is_there(server(*long_journal))


def test_sighup_in_a_recovery_is_heard(server: Start, tmp_path: Path, long_journal: tuple[str, ...]) -> None:
    config = tmp_path / "config.toml"

    def is_told_in_its_recovery() -> Server | None:
        config.write_text("max-jobs = 5000\n")
        starting = server(*long_journal, "--config", str(config), ready=False)
        starting.wait_for_log("descriptors: up to")  # its flags were read
        config.write_text(f"max-jobs = {JOBS}\nhistory-events = 5\n")
        signal_in_its_recovery(starting, signal.SIGHUP)
        starting.wait_for_ready()
        starting.wait_for_log("is in force")
        log = starting.log.all
        if number_of(log, "is in force") < number_of(log, RECOVERED):
            return starting
        starting.stop()
        return None

    running = wait_until(is_told_in_its_recovery, "a signal to come before all was read")
    assert_all_is_there(running)
    assert running.request("POST", "/v1/jobs", {"runner": "external"}).status == 503, "there may be no more of them"
    last = running.job("job-7")["eventId"]
    epoch, _, sequence = last.rpartition("-")

    def resumed(back: int) -> Any:
        return running.follow("job-7", last_event_id=f"{epoch}-{int(sequence) - back * JOBS}").next()

    assert resumed(1).type == "progress"
    assert resumed(20).type == "gap"
