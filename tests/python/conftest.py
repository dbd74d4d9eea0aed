"""Fixtures: both clients, and a scripted server for them to talk to."""

from __future__ import annotations

from typing import Callable, Iterator

import pytest
from both_clients import connect  # noqa: F401  (a fixture)
from scripted_server import Reply, Request, ScriptedServer


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[Request], Reply]], ScriptedServer]]:
    """A factory of scripted servers: `serve(in_turn(answer(204)))`."""
    servers = []

    def start(handle: Callable[[Request], Reply]) -> ScriptedServer:
        servers.append(ScriptedServer(handle).__enter__())
        return servers[-1]

    yield start
    for server in servers:
        server.__exit__()
