"""What the program answers to requests of every form, and to those that are none: the tables of tests/net/http."""

from __future__ import annotations

import re
from typing import Any

import pytest
from harness import Connection, Server
from request_table import Row, read_table

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"


def answers_to(server: Server, request: bytes) -> list[int]:
    """The statuses of all answers, until the server closes."""
    statuses: list[int] = []
    with Connection(server.address) as connection:
        connection.send(request + SMUGGLED)
        connection.half_close()
        while True:
            try:
                answer = connection.read_response()
            except EOFError:
                return statuses
            statuses += [head.status for head in answer.interim] + [answer.status]
            assert answer["X-Content-Type-Options"] == "nosniff", answer.head


@pytest.mark.parametrize("table", ["requests.table", "advisories.table"])
def test_each_request_is_answered_as_the_table_says(shared: Server, table: str) -> None:
    rows = read_table(table)
    assert len(rows) > 20
    wrong: list[tuple[Row, Any]] = []
    for row in rows:
        got = answers_to(shared, row.request)
        if got != row.answers:
            wrong.append((row, got))
    assert not wrong, "\n".join(f"{row.name}: {got}, and not {row.answers}" for row, got in wrong)


def test_advisories_are_named() -> None:
    assert all(re.match("CVE-[0-9]{4}-[0-9]+ ", row.name) for row in read_table("advisories.table"))
