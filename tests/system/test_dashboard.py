"""The page at /, used by a browser: jobs started, seen moving, cancelled."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any

from harness import Peer, Server, node_script, wait_until


def test_the_dashboard_starts_shows_and_cancels_jobs(server: Any, tmp_path: Path) -> None:
    running = server()
    picture = tmp_path / "dashboard.png"
    with Peer(*node_script("use_dashboard.mjs"), str(tmp_path / "profile"), running.url, str(picture)) as browser:
        said = browser.rest()
    assert not [fact for fact in said if "complaint" in fact], "the browser's console is clean"
    assert not [fact for fact in said if "outside" in fact], "everything comes from the server itself"
    moved = [fact for fact in said if "values" in fact]
    assert [fact["runner"] for fact in moved] == ["timer", "cpu", "external", "cpu"]
    for fact in moved:
        assert fact["values"] == sorted(set(fact["values"])) and fact["positions"] > 1, fact
    for fact in said:
        if "cancelled" in fact:
            job = running.job(fact["cancelled"])
            assert (job["state"], job["runner"]) == ("cancelled", fact["runner"])
    assert [fact["completed"][:3] for fact in said if "completed" in fact] == ["100"]
    states = [job["state"] for job in running.request("GET", "/v1/jobs").json()["jobs"]]
    assert sorted(states) == ["cancelled"] * 3 + ["completed"]
    content = picture.read_bytes()
    assert content.startswith(b"\x89PNG") and struct.unpack(">II", content[16:24]) >= (1000, 300)
    print(f"the screenshot is {picture}")
    wait_until(lambda: running.stats()["streams"] == 0, "the browser's stream to be gone")


def test_the_page_may_run_nothing_but_its_own_files(shared: Server) -> None:
    page = shared.request("GET", "/")
    assets = re.findall(r'(?:src|href)="(/?[\w./-]+\.(?:js|css))"', page.body.decode())
    assert len(assets) >= 2
    for answer in (page, *(shared.request("GET", f"/{asset.lstrip('/')}") for asset in assets)):
        assert answer.status == 200 and answer["X-Content-Type-Options"] == "nosniff"
        rules = dict(rule.strip().split(" ", 1) for rule in (answer["Content-Security-Policy"] or "").split(";"))
        assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == rules["frame-ancestors"] == "'none'"
        assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    text = page.body.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|<style", text), "the policy would stop it"


def test_no_answer_is_sniffed(shared: Server) -> None:
    job = shared.external()
    target = f"/v1/jobs/{job['id']}"
    tag = shared.request("GET", target)["ETag"] or ""
    answers = [
        shared.request("GET", target),
        shared.request("GET", target, headers={"If-None-Match": tag}),
        shared.request("OPTIONS", target),
        shared.request("PUT", target),
        shared.request("GET", "/nowhere"),
        shared.request("POST", "/v1/jobs", [1]),
        shared.request("GET", "/healthz", headers={"Host": "evil.example"}),
        shared.request("GET", "/" + "x" * 9000),
        shared.request("DELETE", "/api/v1/sse/progress/nobody"),
    ]
    assert [answer.status for answer in answers] == [200, 304, 204, 405, 404, 422, 421, 414, 200]
    heads = [answer.head for answer in answers]
    for stream in (f"{target}/events", "/events", "/v1/events?owner=me"):
        with shared.stream(stream) as opened:
            heads.append(opened.head)
    for head in heads:
        assert head["X-Content-Type-Options"] == "nosniff", head
