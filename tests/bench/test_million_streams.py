"""bench/million_streams without its emulated machine: what it measures is measured here, on few streams, and its
parts get what a machine may say and a run may show."""

from __future__ import annotations

import copy
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
BENCH = REPOSITORY / "bench"
PARTS = BENCH / "million_streams_parts"
for parts in (BENCH / "updates_per_second_parts", PARTS):
    sys.path.insert(0, str(parts))

import guest_image  # noqa: E402
import guest_machine  # noqa: E402
from guest_console import CLEAR_LINE, Console  # noqa: E402
from outcome import Outcome  # noqa: E402
from settings import Trouble  # noqa: E402

BINARIES = Path(os.environ.get("PROGRESSD_BIN", REPOSITORY / "build/bin/progressd")).resolve().parent
STREAMS = 300
USER_BYTES = 100.0
TIME_LIMIT_S = 100.0
"""Far above what any of it takes."""


def measure(binaries: Path) -> Console:
    """What `init` runs in the machine, run on this one."""
    # Its own bounds are beyond the limit here: sseload must see by itself that everything is there.
    plan = guest_machine.Plan(STREAMS, 10 * TIME_LIMIT_S)
    words = [f"{name}={value}" for name, value in plan.environment().items()]
    console = Console(print)
    command = ["env", f"BIN={binaries}", *words, str(PARTS / "measure")]
    guest_machine.follow(command, console, TIME_LIMIT_S)
    return console


def processes_of(folder: Path) -> list[str]:
    commands = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            commands.append(entry.read_text(errors="replace"))
        except OSError:  # it has ended
            pass
    return [command for command in commands if str(folder) in command]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A good one. The folder's name is in the processes' names, and in those of nobody else."""
    folder = tmp_path_factory.mktemp("binaries")
    for name in ("progressd", "sseload"):
        (folder / name).symlink_to(BINARIES / name)
    told = measure(folder).report()
    assert not processes_of(folder), "the server has outlived its measurement"
    assert isinstance(told["server"]["pssBytesPerStream"], (int, float))
    told["server"]["pssBytesPerStream"] = USER_BYTES  # so few streams fill no page
    return told


def test_each_of_the_streams_gets_the_event_once(report: dict[str, Any]) -> None:
    outcome = Outcome(STREAMS, report, USER_BYTES)
    assert outcome.holds, outcome.text()
    assert all(figure.value is not None for figure in outcome.figures), outcome.text()
    assert "every check held" in outcome.text()


def test_the_kernels_memory_is_more_than_its_slabs(report: dict[str, Any]) -> None:
    end = report["server"]["end"]
    assert end["machineKernelBytes"] > end["machineSlabBytes"] > 0


def bump(*path: str, by: int = 1) -> Callable[[dict[str, Any]], None]:
    def change(told: dict[str, Any]) -> None:
        for key in path[:-1]:
            told = told[key]
        told[path[-1]] += by

    return change


@pytest.mark.parametrize(
    ("change", "label"),
    [
        (bump("streams", "opened", by=-1), "streams opened"),
        (bump("streams", "openAtEnd", by=-1), "streams open at the end"),
        (bump("events", "byName", "snapshot", by=-1), "snapshots"),
        (bump("publish", "accepted", by=-1), "reports accepted"),
        (bump("events", "byName", "progress", by=-1), "events"),
        (bump("events", "byName", "progress"), "events"),
        (bump("events", "total"), "  of any other kind"),
        (bump("checks", "missing"), "  lost"),
        (bump("checks", "shortEvents"), "  lost"),
        (bump("checks", "duplicates"), "  twice"),
        (bump("checks", "idDuplicates"), "  twice"),
        (bump("checks", "surplusEvents"), "  twice"),
        (bump("checks", "reordered"), "  out of order"),
        (bump("checks", "idReordered"), "  out of order"),
        (bump("server", "pssBytesPerStream", by=21), "progressd's bytes a stream, at most"),
        (bump("server", "pssBytesPerStream", by=-100), "progressd's bytes a stream, at most"),
        (lambda told: told["checks"]["failures"].append("1 streams dropped"), "complaints of sseload"),
    ],
)
def test_one_fault_fails_one_check(
    report: dict[str, Any], change: Callable[[dict[str, Any]], None], label: str
) -> None:
    told = copy.deepcopy(report)
    change(told)
    outcome = Outcome(STREAMS, told, USER_BYTES)
    assert [check.label for check in outcome.checks if not check.holds] == [label]
    assert not outcome.holds
    assert outcome.text().endswith("FAILED")


def test_a_stream_may_cost_a_fifth_more_among_many(report: dict[str, Any]) -> None:
    told = copy.deepcopy(report)
    told["server"]["pssBytesPerStream"] = 1.2 * USER_BYTES
    assert Outcome(STREAMS, told, USER_BYTES).holds


def test_a_server_that_does_not_start_is_trouble_that_shows_its_words(tmp_path: Path) -> None:
    server = tmp_path / "progressd"
    server.write_text("#!/bin/sh\necho 'no room at the inn'\nexit 1\n")
    server.chmod(0o755)
    with pytest.raises(Trouble, match="no room at the inn"):
        measure(tmp_path).report()


def test_a_machine_that_hangs_is_ended_at_the_time_limit_with_all_its_processes(tmp_path: Path) -> None:
    hangs = tmp_path / "hangs"
    hangs.symlink_to(shutil.which("sleep") or "sleep")
    with pytest.raises(Trouble, match="--time-limit"):
        guest_machine.follow(["sh", "-c", f"{hangs} 1000; true"], Console(print), time_limit_s=0.5)
    deadline = time.monotonic() + TIME_LIMIT_S
    while processes_of(tmp_path):  # what was killed is gone soon, but not at once
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_console_finds_the_result_however_it_is_cut() -> None:
    output = b'[    1.0] kernel says hello\r\n\r\x1b[Kresult: {"a": 1} :result\r\n[    2.0] reboot\r\n'
    for size in range(1, len(output) + 1):
        said: list[str] = []
        console = Console(said.append)
        for begin in range(0, len(output), size):
            console.feed(output[begin : begin + size])
        assert console.report() == {"a": 1}
        assert [re.sub(r"^ *\d+ s  ", "", line) for line in said] == [
            "[    1.0] kernel says hello",
            "[    2.0] reboot",
        ]


def test_the_console_shows_a_live_line_now_and_then_only() -> None:
    said: list[str] = []
    console = Console(said.append)
    for number in range(1000):
        console.feed(f"\r{CLEAR_LINE}streams {number}".encode())
    assert "streams 0" in said[0]
    assert len(said) < 100


@pytest.mark.parametrize("output", [b"", b"result: {\r\n", b'result: {"a": :result\r\n', b"Kernel panic"])
def test_a_machine_without_a_result_is_trouble_that_shows_its_latest_words(output: bytes) -> None:
    console = Console(print)
    console.feed(b"the last straw\r\n" + output)
    with pytest.raises(Trouble, match="(?s)without a result.*the last straw"):
        console.report()


def test_a_million_streams_fit_into_the_memory_chosen_for_them() -> None:
    assert 9 * 1024 * 1024 < guest_machine.memory_for(1_000_000) * 1024 < 18 * 1024 * 1024  # KiB
    assert guest_machine.memory_for(10) >= 2_000


def test_too_little_free_memory_is_trouble_before_anything_starts() -> None:
    with pytest.raises(Trouble, match="--streams.*--memory"):
        guest_machine.require_free_memory(1 << 30)


def test_the_libraries_of_a_program_include_its_loader() -> None:
    libraries = guest_image.shared_libraries(BINARIES / "progressd")
    names = {library.name for library in libraries}
    assert "libc.so.6" in names and any(name.startswith("ld-linux") for name in names)
    assert all(library.is_file() for library in libraries)


@pytest.mark.parametrize(
    ("flags", "status", "words"),
    [
        (["--help"], 0, "--time-limit"),
        (["--streams", "3"], 2, "--streams must be"),
        (["--user-bytes", "0"], 2, "--user-bytes must be"),
        (["--time-limit", "0"], 2, "--time-limit must be"),
        (["--build", "/nowhere"], 2, "/nowhere/progressd is missing"),
        (["--wrong"], 2, "unrecognized"),
    ],
)
def test_flags(flags: list[str], status: int, words: str) -> None:
    done = subprocess.run(
        [str(BENCH / "million_streams"), *flags], capture_output=True, text=True, timeout=TIME_LIMIT_S
    )
    assert done.returncode == status
    assert words in done.stdout + done.stderr


def test_the_scripts_of_the_machine_are_valid() -> None:
    for script in ("init", "measure"):
        subprocess.run(["sh", "-n", str(PARTS / script)], check=True)
