"""Chromium, driven tab by tab, with pages that use the client library (tools/clients/js): client_page.html."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from harness import Peer, Server, node_script, wait_until


class Browser(Peer):
    def __init__(self, profile: Path, upstream: str) -> None:
        super().__init__(*node_script("drive_client.mjs"), str(profile), upstream)
        self.until(lambda fact: "ready" in fact)

    def do(self, deed: str, tab: str = "", **more: Any) -> Any:
        self.tell({"do": deed, "tab": tab, **more})
        said = self.until(lambda fact: "result" in fact)
        assert not [fact for fact in said if "complaint" in fact], said
        return said[-1]["result"]

    def call(self, tab: str, code: str, given: Any = None) -> Any:
        return self.do("call", tab, code=code, given=given)

    def open(self, *tabs: str, **more: Any) -> None:
        for tab in tabs:
            self.do("open", tab, **more)

    def follow(self, tab: str, jobs: list[str], **options: Any) -> None:
        self.call(tab, "page.follow(given.jobs, given.options)", {"jobs": jobs, "options": options})

    def told(self, tab: str, what: str) -> list[dict[str, Any]]:
        return self.call(tab, f"page.told[{json.dumps(what)}]")

    def done(self, tab: str, job: str) -> list[int]:
        """The `done` of each event that a tab was told, in order."""
        return [fact["data"]["done"] for fact in self.told(tab, job) if fact.get("type", "gap") != "gap"]

    def wait_for(self, tab: str, job: str, done: int) -> None:
        wait_until(lambda: (self.done(tab, job) or [-1])[-1] >= done, f"tab {tab} to be told {done} of {job}")

    def wait_for_end(self, tab: str, jobs: list[str]) -> None:
        over = f"{json.dumps(jobs)}.every((id) => page.told[id].at(-1)?.connection === 'closed')"
        wait_until(lambda: self.call(tab, over), f"tab {tab} to see the end of {len(jobs)} jobs")


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Callable[..., Browser]]:
    started: list[Browser] = []

    def start(upstream: Server) -> Browser:
        started.append(Browser(tmp_path / "profile", upstream.url))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def report(server: Server, jobs: list[str], done: int) -> None:
    server.report(*[{"job": job, "done": done} for job in jobs])


def complete(server: Server, jobs: list[str]) -> None:
    server.report(*[{"job": job, "state": "completed"} for job in jobs])
