"""The seed systems' own pages in Chromium. Each comes from another origin than its server, as all of them do."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator

import pytest
from harness import Peer, Server, node_script
from tokens import SECRET, token

COMPLETED = {"completed": 10, "total": 10, "status": "completed"}


@pytest.fixture
def visitor(tmp_path: Path) -> Iterator[Peer]:
    """It shows the page, whose origin is the first thing that it says."""
    with Peer(*node_script("open_seed_pages.mjs"), str(tmp_path / "profile")) as visitor:
        visitor.until(lambda fact: "site" in fact)
        yield visitor


def told(visitor: Peer, server: Server, pages: list[str], as_: str) -> dict[str, list[Any]]:
    """What each page was told."""
    visitor.tell({"api": server.url, "token": as_, "pages": pages})
    said = visitor.rest()
    assert not [fact for fact in said if "error" in fact], said
    return {fact["page"]: fact["told"] for fact in said}


def assert_was_followed(events: list[dict[str, Any]]) -> None:
    assert [event["type"] for event in events[:2]] == ["connected", "initial_status"]
    assert events[-1]["type"] == "job_update" and events[-1]["status"] == "completed"
    assert list(events[-1]["result"]) == ["characterId"]


def test_pages_of_any_origin_work_with_auth_off(server: Any, visitor: Peer) -> None:
    running = server("--demo-duration", "2s")
    assert running.request("POST", "/api/v1/sse/progress/user_123", COMPLETED).status == 202
    heard = told(visitor, running, ["status", "channel", "fetchHook", "vanilla", "looping", "task"], as_="any")
    assert heard["status"][-1] == {"result": "completed"}
    assert heard["channel"][:3] == [COMPLETED, COMPLETED, None] and "user_123" in heard["channel"][3]
    assert_was_followed(heard["fetchHook"])
    assert_was_followed(heard["vanilla"])
    first = heard["looping"][0]["moved"]
    assert [event["moved"] for event in heard["looping"]] == list(range(first, len(heard["looping"]) + first))
    assert heard["task"][-1]["progress"] == 100


def test_queued_jobs_are_followed_with_a_token_by_the_pages_that_may(
    server: Any, visitor: Peer, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    running = server(
        "--demo-duration", "2s", "--jwt-secret-file", str(secret), "--cors-origin", visitor.said[0]["site"]
    )  # fmt: skip
    heard = told(visitor, running, ["hook", "fetchHook", "vanilla"], as_=token("ada"))
    for events in heard.values():
        assert_was_followed(events)


def test_the_hook_that_sends_cookies_reads_nothing_where_any_origin_may(server: Any, visitor: Peer) -> None:
    running = server("--demo-duration", "2s")
    visitor.tell({"api": running.url, "token": "any", "pages": ["hook"]})
    [said] = visitor.rest()
    assert "connection error" in said["error"]


def test_the_hook_that_sends_cookies_works_with_auth_off_where_its_origin_is_named(server: Any, visitor: Peer) -> None:
    running = server("--demo-duration", "2s", "--cors-origin", visitor.said[0]["site"])
    assert_was_followed(told(visitor, running, ["hook"], as_="any")["hook"])
