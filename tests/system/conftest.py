"""Fixtures: servers that are stopped and checked after each test, and peers that are not left behind."""

from __future__ import annotations

from typing import Any, Callable, Iterator

import pytest

pytest.register_assert_rewrite("harness", "browser_tabs", "dashboard_browser")

from both_clients import connect  # noqa: E402, F401  (a fixture)
from browser_tabs import browser  # noqa: E402, F401  (a fixture)
from dashboard_browser import dashboard, dashboards  # noqa: E402, F401  (fixtures)
from harness import BINARY, Server  # noqa: E402


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "scale: needs an optimised build and thousands of descriptors")


class Servers:
    """Starts servers, stops them all."""

    def __init__(self) -> None:
        self._started: list[Server] = []

    def start(self, *flags: str, **options: Any) -> Server:
        if not BINARY.exists():
            pytest.fail(f"{BINARY} does not exist: build it, or set PROGRESSD_BIN")
        server = Server(*flags, **options)
        self._started.append(server)
        return server

    def stop(self) -> None:
        complaints = []
        for server in self._started:
            try:
                server.stop()
            except AssertionError as error:
                complaints.append(str(error))
            # pytest shows this for a test that failed, and keeps it to itself otherwise.
            print(f"--- log of {server.url if server.addresses else server.pid}", *server.log.all, sep="\n")
            if report := server.sanitizer_report():
                complaints.append(report)
        assert not complaints, "\n".join(complaints)


@pytest.fixture
def server() -> Iterator[Callable[..., Server]]:
    """A factory: `server("--keepalive", "300ms")` is a process that is ready to answer."""
    servers = Servers()
    yield servers.start
    servers.stop()


@pytest.fixture(scope="module")
def shared() -> Iterator[Server]:
    """One server with default flags for all tests of a file, which add jobs to it and leave nothing running."""
    servers = Servers()
    yield servers.start()
    servers.stop()
