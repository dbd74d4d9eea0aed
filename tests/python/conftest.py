"""Fixtures: both clients, and a scripted server for them to talk to."""

from __future__ import annotations

from typing import Any, Callable, Iterator

import pytest
from both_clients import new_client
from scripted_server import Reply, Request, ScriptedServer


@pytest.fixture(params=["sync", "async"])
def connect(request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """A factory of clients: `connect(url, token=…)`; each test runs with the synchronous and the asynchronous one."""
    clients = []

    def start(url: str, **options: Any) -> Any:
        clients.append(new_client(request.param, url, **options))
        return clients[-1]

    yield start
    for client in clients:
        client.close()


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
