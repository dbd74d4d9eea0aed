"""The dashboard in Chromium, driven by drive_dashboard.mjs: what tests do with it, and what must hold of every look."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, Iterator

import pytest
from cutting_proxy import CuttingProxy
from harness import Connection, Peer, Server, node_script, patience, request_bytes

CREATED_AT_ONCE = 100
WIDE, NARROW = (1280, 800), (400, 800)
# Where the pictures go; a test's own folder if not set.
PICTURES = os.environ.get("PROGRESSD_PICTURES")
# What Chromium writes to its console, whatever the page does, when an answer is no 200 or does not come.
NETWORK = re.compile(r"^Failed to load resource: (the server responded with a status of ([0-9]+)|net::ERR_\w+)")


class Dashboard(Peer):
    """One tab. Each test opens it anew, on its own server: nothing that a page keeps is left from another."""

    def __init__(self, profile: Path) -> None:
        # It gives up, and says what it waited for, before this side does.
        super().__init__(*node_script("drive_dashboard.mjs"), str(profile), str(round(patience() * 800)))
        self.until(lambda fact: "ready" in fact)
        self.pictures = Path()

    def do(self, deed: str, **more: Any) -> Any:
        self.tell({"do": deed, **more})
        said = self.until(lambda fact: "result" in fact or "error" in fact)[-1]
        assert "error" not in said, f"{deed} {more}: {said['error']}"
        return said["result"]

    def open(self, server: Server | CuttingProxy, path: str = "/", *, live: bool = True, held: str | None = None) -> None:
        """`held`: what the page asks for and does not get."""
        self.do("open", origin=server.url, path=path, held=held)
        self.look(*WIDE)
        if live:
            self.wait_for_connection("live")
            self.wait("document.getElementById('loading').hidden")

    def look(self, width: int, height: int, scheme: str = "light", reduced: bool = True) -> None:
        motion = "reduce" if reduced else "no-preference"
        self.do("look", width=width, height=height, scheme=scheme, reducedMotion=motion)

    def click(self, selector: str) -> None:
        self.do("click", selector=selector)

    def fill(self, selector: str, text: str) -> None:
        self.do("fill", selector=selector, text=text)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.do("press", key=key)

    def eval(self, code: str) -> Any:
        return self.do("eval", code=code)

    def wait(self, code: str) -> None:
        """Until an expression is true in the page."""
        self.do("wait", code=code)

    def text(self, selector: str) -> str:
        return self.eval(f"document.querySelector({json.dumps(selector)}).textContent")

    def wait_for_text(self, selector: str, text: str) -> None:
        self.wait(f"document.querySelector({json.dumps(selector)})?.textContent.includes({json.dumps(text)})")

    def wait_for_connection(self, state: str) -> None:
        self.wait(f"document.querySelector('#connection[data-state={state}]') !== null")

    def wait_for_page(self, name: str) -> None:
        self.wait(f"!document.getElementById('page-{name}').hidden")

    def wait_for_shown(self, selector: str) -> None:
        self.wait(f"document.querySelector({json.dumps(selector)})?.checkVisibility() ?? false")

    def is_shown(self, selector: str) -> bool:
        return self.eval(f"document.querySelector({json.dumps(selector)})?.checkVisibility() ?? false")

    def wait_for_row(self, job: str, state: str | None = None) -> None:
        suffix = f"[data-state={state}]" if state else ""
        self.wait(f"document.querySelector('#rows [data-id=\"{job}\"]{suffix}') !== null")

    def rows(self) -> list[str]:
        """The ids of the rows that are elements, in the order of the page."""
        return self.eval("[...document.querySelectorAll('#rows > [data-id]')].map((row) => row.dataset.id)")

    def focused(self) -> str:
        """The id of what has the focus: the element's, or of a row the job's."""
        return self.eval("document.activeElement.dataset.id ?? document.activeElement.id")

    def check_look(self, name: str) -> None:
        """Light and dark, wide and narrow: no violation that axe finds, nothing wider than the screen."""
        found = {}
        for width, height in (WIDE, NARROW):
            for scheme in ("light", "dark"):
                self.look(width, height, scheme)
                look = f"{name}-{scheme}-{width}"
                self.do("picture", path=str(self.pictures / f"{look}.png"))
                found[look] = self.do("axe")
                sticks_out = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                assert self.eval(sticks_out) <= 0, f"{look} is wider than the screen"
        self.look(*WIDE)
        assert found == dict.fromkeys(found, []), json.dumps(found, indent=1)

    def check_console(self, *expected: int) -> None:
        """Nothing but answers of these statuses, 0 for none at all, was complained of."""
        unexpected = []
        for text in self.do("complaints"):
            network = NETWORK.match(text)
            if network is None or int(network[2] or 0) not in expected:
                unexpected.append(text)
        assert unexpected == []


def create_many(server: Server, count: int, **fields: Any) -> list[str]:
    """External jobs with ids in the order of their creation, on one connection."""
    ids = [f"many-{number:05}" for number in range(count)]
    with Connection(server.address) as connection:
        for first in range(0, count, CREATED_AT_ONCE):
            some = ids[first : first + CREATED_AT_ONCE]
            connection.send(b"".join(creation(server, {"runner": "external", "id": one, **fields}) for one in some))
            for _ in some:
                assert connection.read_response("POST").status == 201
    return ids


def creation(server: Server, fields: dict[str, Any]) -> bytes:
    json_type = {"Content-Type": "application/json"}
    return request_bytes(server.address, "POST", "/v1/jobs", json_type, json.dumps(fields).encode())


@pytest.fixture(scope="module")
def dashboards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    one = Dashboard(tmp_path_factory.mktemp("chromium"))
    yield one
    one.stop()


@pytest.fixture
def dashboard(dashboards: Dashboard, tmp_path: Path) -> Dashboard:
    dashboards.pictures = Path(PICTURES) if PICTURES else tmp_path
    dashboards.pictures.mkdir(parents=True, exist_ok=True)
    return dashboards
