"""Running under systemd: the units, and a socket that stays open while the program restarts."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from harness import BINARY, REPOSITORY, Connection, Server, patience

UNITS = REPOSITORY / "tools" / "systemd"


@pytest.fixture
def units(tmp_path: Path) -> list[str]:
    """The units, with the program where it has been built."""
    written = []
    for unit in UNITS.iterdir():
        text = unit.read_text().replace("@PROGRESSD_BINDIR@", str(BINARY.parent))
        path = tmp_path / unit.name.removesuffix(".in")
        path.write_text(text.replace("@PROGRESSD_SYSCONFDIR@", "/etc"))
        written.append(str(path))
    return sorted(written)


def analyze(*arguments: str) -> str:
    """What systemd-analyze says; it must be content."""
    assert shutil.which("systemd-analyze"), "the package systemd is missing"
    done = subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=patience())
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_systemd_accepts_the_units(units: list[str]) -> None:
    said = analyze("verify", "--man=no", *units)
    complaints = [line for line in said.splitlines() if "progressd" in line]
    assert not complaints, said


def test_the_service_is_exposed_as_little_as_can_be(units: list[str]) -> None:
    service = next(unit for unit in units if unit.endswith(".service"))
    said = analyze("security", "--offline=yes", "--threshold=20", service)  # tenths of what it prints
    assert re.search("Overall exposure level for .*: [01][.][0-9]", said), said


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listening:
        yield listening


def test_a_socket_that_is_passed_takes_the_place_of_listen(server: Callable[..., Server],
                                                           listener: socket.socket) -> None:  # fmt: skip
    running = server(passed=listener)
    assert running.addresses == [listener.getsockname()]
    job = running.create(runner="timer", total=3, stepMs=1)
    with running.follow(job) as stream:
        assert stream.rest()[-1].type in ("completed", "snapshot")


def test_nobody_is_refused_while_it_restarts(server: Callable[..., Server], listener: socket.socket) -> None:
    address = listener.getsockname()
    answers: list[int] = []
    failures: list[Any] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            try:
                with Connection(address) as connection:
                    answers.append(connection.request("GET", "/healthz", {"Connection": "close"}).status)
            except OSError as error:
                failures.append(error)
            except EOFError:
                answers.append(0)  # taken by the one that ends, and closed: it asks again

    first = server(passed=listener)
    asking = threading.Thread(target=ask)
    asking.start()
    try:
        first.terminate()
        assert first.wait() == 0
        between = len(answers)
        second = server(passed=listener)
        while len(answers) < between + 20 and asking.is_alive():
            second.request("GET", "/healthz")
    finally:
        over.set()
        asking.join(patience())
    assert not [error for error in failures if isinstance(error, ConnectionRefusedError)], failures
    assert answers[-10:] == [200] * 10


def test_a_passed_socket_that_does_not_listen_is_an_error() -> None:
    with socket.socket() as idle:
        with pytest.raises(AssertionError, match="ended with 1 instead of listening(.|\n)*does not listen"):
            Server(passed=idle)


def test_a_passed_socket_that_others_can_reach_takes_a_key_too() -> None:
    with socket.create_server(("0.0.0.0", 0)) as outside:
        with pytest.raises(AssertionError, match="ended with 1(.|\n)*--jwt-secret-file(.|\n)*--insecure"):
            Server(passed=outside)
        running = Server("--insecure", passed=outside)
        running.stop()


def test_sockets_for_another_process_are_not_ours(server: Callable[..., Server]) -> None:
    running = server(environment={"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"})
    assert running.request("GET", "/healthz").status == 200


def test_it_says_when_it_is_ready_and_when_it_ends(server: Callable[..., Server], tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(patience())
        running = server(environment={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert manager.recv(100) == b"READY=1"
        running.terminate()
        assert manager.recv(100) == b"STOPPING=1"
        assert running.wait() == 0


def test_the_environment_may_name_an_abstract_socket(server: Callable[..., Server]) -> None:
    name = f"progressd-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name}")
        manager.settimeout(patience())
        server(environment={"NOTIFY_SOCKET": f"@{name}"})
        assert manager.recv(100) == b"READY=1"
