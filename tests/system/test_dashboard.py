"""The page at /: what it is made of, and a visitor's first minutes with it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from dashboard_browser import Dashboard
from harness import Response, Server, wait_until


def assets(server: Server) -> dict[str, Response]:
    """All that the page loads: what it names, and what that imports."""
    found = {"": server.request("GET", "/")}
    waiting = set(re.findall(r'(?:src|href)="([\w./-]+\.(?:js|css|svg))"', found[""].body.decode()))
    while waiting:
        name = waiting.pop()
        found[name] = server.request("GET", f"/{name}")
        if name.endswith(".js"):
            imported = re.findall(r"from '\./([\w./-]+)'", found[name].body.decode())
            waiting |= set(imported) - set(found)
    return found


def test_the_page_may_run_nothing_but_its_own_files(shared: Server) -> None:
    found = assets(shared)
    assert len(found) > 20
    for name, answer in found.items():
        assert answer.status == 200 and answer["X-Content-Type-Options"] == "nosniff", name
        rules = dict(rule.strip().split(" ", 1) for rule in (answer["Content-Security-Policy"] or "").split(";"))
        assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == rules["frame-ancestors"] == "'none'"
        assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    text = found[""].body.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|<style", text), "the policy would stop it"


def test_every_module_is_preloaded(shared: Server) -> None:
    """A module that is found by reading another one costs a round trip more for each that led to it."""
    found = assets(shared)
    preloaded = set(re.findall(r'modulepreload" href="([\w.]+)"', found[""].body.decode()))
    assert preloaded == {name for name in found if name.endswith(".js")} - {"app.js", "theme.js"}


def test_assets_have_their_media_type(shared: Server) -> None:
    types = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml"}
    for name, answer in assets(shared).items():
        assert answer["Content-Type"] == types.get(name.rpartition(".")[2], "text/html; charset=utf-8"), name


def test_an_asset_that_the_browser_has_is_not_sent_again(shared: Server) -> None:
    for path in ("/", "/app.js", "/event_stream_parser.js"):
        first = shared.request("GET", path)
        tag = first["ETag"] or ""
        again = shared.request("GET", path, headers={"If-None-Match": f'"other", W/{tag}'})
        assert (again.status, again.body, again["ETag"]) == (304, b"", tag)
        assert again["Content-Security-Policy"] == first["Content-Security-Policy"]
        assert shared.request("GET", path, headers={"If-None-Match": '"other"'}).status == 200
        head = shared.request("HEAD", path)
        assert (head.status, head["ETag"], head["Content-Length"]) == (200, tag, str(len(first.body)))


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


WATCH = """
  window.moves = {};
  new MutationObserver(() => {
    for (const row of document.querySelectorAll('#rows > [data-id]')) {
      const seen = (moves[row.dataset.id] ??= { values: [], places: [] });
      const bar = row.querySelector('[role=progressbar]');
      const value = Number(bar.getAttribute('aria-valuenow'));
      if (seen.values.at(-1) !== value) seen.values.push(value);
      const place = bar.firstElementChild.style.transform;
      if (seen.places.at(-1) !== place) seen.places.push(place);
    }
  }).observe(document.getElementById('rows'), { subtree: true, childList: true, attributes: true });
"""


@pytest.mark.parametrize("runner", ["timer", "cpu", "external"])
def test_a_demo_job_is_started_seen_moving_and_cancelled(server: Any, dashboard: Dashboard, runner: str) -> None:
    running = server()
    dashboard.open(running)
    dashboard.eval(f"(() => {{ {WATCH} }})()")
    dashboard.click(f'.starts [data-start="{runner}"]')
    dashboard.wait("Object.values(moves)[0]?.values.length > 4")
    [(job, seen)] = dashboard.eval("moves").items()
    assert seen["values"] == sorted(seen["values"]) and len(seen["places"]) > 3, seen
    assert running.job(job)["runner"] == runner
    dashboard.click(f'[data-id="{job}"] .act')
    dashboard.wait_for_row(job, "cancelled")
    assert running.job(job)["state"] == "cancelled"
    dashboard.check_console(409 if runner == "external" else 200)


def test_a_demo_job_of_the_empty_page_runs_to_its_end(server: Any, dashboard: Dashboard) -> None:
    running = server()
    dashboard.open(running)
    dashboard.click("#empty [data-start]")
    dashboard.wait("document.querySelector('#rows [data-state=completed] .percent')?.textContent === '100.0 %'")
    [job] = running.request("GET", "/v1/jobs").json()["jobs"]
    assert job["state"] == "completed"
    dashboard.check_console()


def test_the_pages_stream_ends_with_the_page(server: Any, dashboard: Dashboard) -> None:
    running = server()
    job = running.external()
    dashboard.open(running, f"/#/jobs/{job['id']}")
    dashboard.wait_for_text("#job-stream", "following")
    assert running.stats()["streams"] == 2
    dashboard.press("Escape")
    wait_until(lambda: running.stats()["streams"] == 1, "the job's own stream to be gone")
    dashboard.open(server())
    wait_until(lambda: running.stats()["streams"] == 0, "the browser's streams to be gone")
    dashboard.check_console()
