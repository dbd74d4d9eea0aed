"""What the tests of the seed systems share: their clients, as their own documents show them."""

from __future__ import annotations

import json
import subprocess
from typing import Any, Iterable

import requests
from harness import Event, Peer, Server, Stream, node_script, patience, plain_environment


def curl(server: Server, path: str, *flags: str) -> str:
    """What curl prints, up to the end of the answer."""
    done = subprocess.run(
        ["curl", "-sS", "-N", "--max-time", str(int(patience() * 2)), *flags, server.url + path],
        capture_output=True,
        env=plain_environment(),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def follower(peer: str, server: Server, tmp_path: Any) -> Peer:
    """A program that is ready to be told what to follow: an EventSource in `node` or `chromium`, or `fetch`."""
    watcher = Peer(*node_script(f"follow_in_{peer}.mjs"), server.url, str(tmp_path / "profile"))
    assert watcher.next() == {"ready": True}
    return watcher


def messages(said: Iterable[dict[str, Any]], at: int = 0) -> list[Any]:
    """The JSON of what an `onmessage` was called with. Every event of a seed system has no name."""
    heard = [fact for fact in said if fact.get("at") == at and "event" in fact]
    assert all(fact["event"] == "message" for fact in heard), heard
    return [json.loads(fact["data"]) for fact in heard]


def statuses(said: Iterable[dict[str, Any]], at: int = 0) -> list[int]:
    return [fact["status"] for fact in said if fact.get("at") == at and "status" in fact]


def session() -> requests.Session:
    made = requests.Session()
    made.trust_env = False
    return made


def assert_seed_stream(stream: Stream) -> None:
    """What holds of every seed stream's bytes so far: unnamed, one data line each, whole events in each chunk."""
    assert stream.head["Content-Type"] == "text/event-stream", stream.head
    assert stream.head["Cache-Control"] == "no-store, no-transform"
    assert stream.raw.startswith(b"retry: "), stream.raw[:100]
    assert stream.parser.retry is not None
    for event in stream.seen:
        assert not event.named and event.data_lines == 1, event
    for chunk in stream.chunks:
        assert chunk.endswith(b"\n\n"), chunk


def facts(events: Iterable[Event]) -> list[Any]:
    return [event.json for event in events]


def jobs_of_kind(server: Server, kind: str) -> list[dict[str, Any]]:
    answer = server.request("GET", f"/v1/jobs?kind={kind}&limit=500")
    assert answer.status == 200, answer
    return answer.json()["jobs"]
